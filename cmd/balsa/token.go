package main

import (
	"fmt"
	"os"
	"strings"
)

// credentials say to members who calls.
type credentials struct {
	Token     string `help:"Token by which the members know the caller. Better in a file, or in BALSA_TOKEN: others see the command line." placeholder:"TOKEN"`
	TokenFile string `help:"A file that holds the token; it counts more than --token." type:"path" placeholder:"FILE"`
	trust     `embed:""`
}

// token is what was given, "" for nothing.
func (c credentials) token() (string, error) {
	if c.TokenFile == "" {
		return c.Token, nil
	}
	b, err := os.ReadFile(c.TokenFile)
	if err != nil {
		return "", fmt.Errorf("--token-file: %w", err)
	}
	token := strings.TrimSpace(string(b))
	if token == "" || strings.ContainsAny(token, " \t\r\n") {
		return "", fmt.Errorf("%w: --token-file %s: it must hold one token, and nothing else", errUsage, c.TokenFile)
	}
	return token, nil
}
