# bash completion for strake: strake completion bash >/etc/bash_completion.d/strake
_strake() {
	local IFS=$'\n'
	COMPREPLY=($("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _strake strake
