package snapshot

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

// The bytes of format 1, as directories in the field hold them. They change with the
// version only. testdata/format-1.hex has a comment for each part.
func TestFormat1StaysAsItIs(t *testing.T) {
	text, err := os.ReadFile("testdata/format-1.hex")
	must(t, err)
	var want strings.Builder
	for line := range strings.Lines(string(text)) {
		fields, _, _ := strings.Cut(line, "#")
		want.WriteString(strings.Join(strings.Fields(fields), ""))
	}
	got := raw(t, metaAt(7), []byte("the state, 23 bytes long"[:23]))
	if found := hex.EncodeToString(got); found != want.String() {
		t.Errorf("a snapshot is written as\n%s\nwant\n%s", found, want.String())
	}
}
