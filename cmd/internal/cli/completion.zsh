#compdef strake
# zsh completion for strake: strake completion zsh >"${fpath[1]}/_strake"
_strake() {
	local -a found
	found=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
	if [[ -n "${found[*]}" ]]; then
		compadd -a found
	else
		_files
	fi
}
if [ "$funcstack[1]" = "_strake" ]; then
	_strake "$@"
else
	compdef _strake strake
fi
