package redis

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The page lists what there is, and of what there is not nothing.
func TestThePageListsTheCommands(t *testing.T) {
	page, err := os.ReadFile("../../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	there, missing, _ := strings.Cut(string(page), "## What is missing")
	for _, name := range names() {
		if row := fmt.Sprintf("| `%s` | %s |", strings.ToUpper(name), table[name].does); !strings.Contains(there, row) {
			t.Errorf("docs/redis.md lacks the row\n%s", row)
		}
	}
	if rows := strings.Count(there, "\n| `"); rows != len(table) {
		t.Errorf("docs/redis.md has %d rows, there are %d commands", rows, len(table))
	}
	for _, m := range regexp.MustCompile("`([A-Z]+)`").FindAllStringSubmatch(missing, -1) {
		if table[strings.ToLower(m[1])] != nil {
			t.Errorf("docs/redis.md says that %s is missing", m[1])
		}
	}
}
