package main

import (
	"os/exec"
	"runtime"
)

// openInBrowser shows a page to whoever sits at this machine. Where that is not
// possible nothing happens: the address is on the screen all the same.
func openInBrowser(url string) {
	opener := map[string][]string{
		"darwin":  {"open", url},
		"windows": {"rundll32", "url.dll,FileProtocolHandler", url},
	}[runtime.GOOS]
	if opener == nil {
		opener = []string{"xdg-open", url}
	}
	shown := exec.Command(opener[0], opener[1:]...)
	if shown.Start() == nil {
		go shown.Wait()
	}
}
