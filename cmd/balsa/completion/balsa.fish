# Completion of balsa for fish. Try it: balsa completion fish | source
# Keep it: balsa completion fish > ~/.config/fish/completions/balsa.fish
function __balsa_complete
    set -l words (commandline -opc)
    set -l now (commandline -ct)
    $words[1] complete -- $words[2..-1] "$now" 2>/dev/null
end
# Where balsa has nothing to say, fish completes names of files.
complete --command balsa --condition 'test (count (__balsa_complete)) -gt 0' --no-files --arguments '(__balsa_complete)'
