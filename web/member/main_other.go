//go:build !js

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "member runs in a browser: build it with GOOS=js GOARCH=wasm, or start balsa introduce, which does")
	os.Exit(2)
}
