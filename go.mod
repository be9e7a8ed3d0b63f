module github.com/balsaraft/balsa

go 1.26

require github.com/alecthomas/kong v1.17.0

require github.com/anishathalye/porcupine v1.3.1

require pgregory.net/rapid v1.3.0

require (
	github.com/rogpeppe/go-internal v1.16.0
	golang.org/x/sys v0.26.0 // indirect
	golang.org/x/tools v0.26.0 // indirect
)
