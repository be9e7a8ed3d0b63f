package main

import (
	"encoding/json"
	"fmt"
	"io"
)

// printJSON prints what a command has to say to a program.
func printJSON(w io.Writer, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("print the outcome as JSON: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s\n", b)
	return err
}
