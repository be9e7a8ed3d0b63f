//go:build linux

package main

import (
	"bytes"
	"math/bits"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestASeedDecidesWhichFaultsComeAndForHowLong(t *testing.T) {
	draw := func(seed uint64) (all []string) {
		c := &cluster{options: options{chapter: 20 * time.Second, seed: seed}}
		h := &hand{cluster: c, random: rand.New(rand.NewPCG(seed, 1)), faults: processFaults}
		for range 50 {
			lasting := h.lasting()
			if lasting < 19*time.Millisecond || lasting > 5001*time.Millisecond {
				t.Errorf("a fault lasts %s", lasting)
			}
			all = append(all, h.pick().name+" "+lasting.String())
		}
		return all
	}
	if !slices.Equal(draw(1), draw(1)) {
		t.Error("one seed decides in two ways")
	}
	if slices.Equal(draw(1), draw(2)) {
		t.Error("two seeds decide alike")
	}
}

func TestFaultsHaveNamesOfTheirOwnAndComeAtTimes(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range slices.Concat(processFaults, networkFaults) {
		if seen[f.name] || f.weight < 1 || f.do == nil || strings.Contains(f.name, ",") {
			t.Errorf("%q: weight %d, known already %v", f.name, f.weight, seen[f.name])
		}
		seen[f.name] = true
	}
}

func TestDamageFlipsOneBitOfWhatWasWritten(t *testing.T) {
	dir := t.TempDir()
	before := append(bytes.Repeat([]byte{0}, 100), bytes.Repeat([]byte{7}, 100)...)
	name := filepath.Join(dir, "log")
	for seed := range uint64(50) {
		for path, b := range map[string][]byte{name: before, filepath.Join(dir, "empty"): nil, filepath.Join(dir, "spare"): make([]byte, 100)} {
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		where, err := damage(dir, rand.New(rand.NewPCG(seed, 0)))
		if err != nil {
			t.Fatal(err)
		}
		after, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		flipped := 0
		for i := range after {
			if d := bits.OnesCount8(after[i] ^ before[i]); d > 0 {
				flipped += d
				if before[i] == 0 {
					t.Errorf("space that holds nothing is damaged: %s", where)
				}
			}
		}
		if flipped != 1 || len(after) != len(before) {
			t.Errorf("%d bits are flipped: %s", flipped, where)
		}
	}
}

func TestValuesNameThemselves(t *testing.T) {
	for _, size := range []int{0, 1, 10, 100, 10_000} {
		value := valueOf(3, 14, size)
		body := bodyOf(value)
		head, _, _ := strings.Cut(body, "\n")
		if head != value || len(body) < size || len(body) > max(size, len(value)+1) {
			t.Errorf("%s: %d bytes that begin with %.40q", value, len(body), body)
		}
	}
}

func TestTheDirectoryOfAnEarlierRunIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	for range 2 {
		if got, err := emptyDir(dir); got != dir || err != nil {
			t.Errorf("an empty directory: %q, %v", got, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "a"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := emptyDir(dir); err == nil || !strings.Contains(err.Error(), "holds a already") {
		t.Errorf("one that holds a file: %v", err)
	}
}
