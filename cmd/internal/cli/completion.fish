# fish completion for strake: strake completion fish >~/.config/fish/completions/strake.fish
function __strake_complete
	set -l words (commandline -opc) (commandline -ct)
	$words[1] __complete $words[2..-1] 2>/dev/null
end
complete -c strake -a '(__strake_complete)'
