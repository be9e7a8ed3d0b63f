package cluster

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Machine says in a line where something was measured.
func Machine() string {
	processor := runtime.GOARCH
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				processor = strings.TrimSpace(value)
				break
			}
		}
	}
	var kB int
	if b, err := os.ReadFile("/proc/meminfo"); err == nil {
		fmt.Sscanf(string(b), "MemTotal: %d kB", &kB)
	}
	load, _ := os.ReadFile("/proc/loadavg")
	load, _, _ = bytes.Cut(load, []byte(" "))
	return fmt.Sprintf("%d cores (%s), %d GB of memory, %s; load before it began: %s", runtime.NumCPU(), processor, (kB+1<<19)>>20, runtime.GOOS, load)
}
