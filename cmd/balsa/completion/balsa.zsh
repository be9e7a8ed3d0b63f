#compdef balsa
# Completion of balsa for zsh. Try it: source <(balsa completion zsh)
# Keep it: balsa completion zsh > "${fpath[1]}/_balsa"
_balsa() {
	local line
	local -a found
	for line in "${(@f)$($words[1] complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
		[[ -n $line ]] && found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
	done
	# Where balsa has nothing to say, zsh completes names of files.
	if (( $#found )); then _describe -V balsa found; else _files; fi
}
if [[ $funcstack[1] == _balsa ]]; then _balsa "$@"; else compdef _balsa balsa; fi
