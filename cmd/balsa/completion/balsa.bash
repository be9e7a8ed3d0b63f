# Completion of balsa for bash. Try it: source <(balsa completion bash)
# Keep it: balsa completion bash > /etc/bash_completion.d/balsa
_balsa() {
	local IFS=$'\n'
	COMPREPLY=($("$1" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f 1))
}
# Where balsa has nothing to say, bash completes names of files.
complete -o default -F _balsa balsa
