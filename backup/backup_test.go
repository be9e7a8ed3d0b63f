package backup_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/backup"
	"github.com/balsaraft/balsa/fsys"
)

// backedUp is a backup of a member that holds some lines, and what it is of.
func backedUp(t *testing.T) (file []byte, index balsa.Index, status balsa.Status) {
	t.Helper()
	sm := balsa.Func([]string{}, func(all *[]string, _ balsa.Entry, line string) int { *all = append(*all, line); return len(*all) })
	node, err := balsa.Open(t.Context(), balsa.Config{Name: "a"}, sm)
	if err != nil {
		t.Fatal(err)
	}
	defer node.Close()
	for i := range 20 {
		if _, err := node.Propose(t.Context(), fmt.Sprintf("line %d", i*i)); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	w := backup.Compress(&b)
	index, err = node.Backup(t.Context(), w)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), index, node.Status()
}

func TestABackupSaysWhatItIsOf(t *testing.T) {
	file, index, status := backedUp(t)
	info, err := backup.Check(bytes.NewReader(file), "f")
	if err != nil || info.Index != index || info.Cluster != status.Cluster || info.Term != status.Term || info.Members.String() != "voters=a" || info.Time.IsZero() {
		t.Errorf("%+v, %v; it is of %v at %d", info, err, status, index)
	}
}

func TestABackupIsRestoredCompressedOrNot(t *testing.T) {
	file, _, _ := backedUp(t)
	plain, err := io.ReadAll(backup.Decompress(bytes.NewReader(file), "f"))
	if err != nil || len(plain) <= len(file) {
		t.Fatalf("%d bytes decompress to %d: %v", len(file), len(plain), err)
	}
	for what, file := range map[string][]byte{"compressed": file, "plain": plain} {
		r := backup.Decompress(iotest.OneByteReader(bytes.NewReader(file)), "f")
		if _, err := balsa.Restore(balsa.Config{Name: "b", Files: fsys.NewMemory()}, r); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestABackupThatIsCutOrAlteredIsDamaged(t *testing.T) {
	file, _, _ := backedUp(t)
	damaged := func(what string, at int, file []byte) {
		t.Helper()
		_, err := backup.Check(bytes.NewReader(file), "f")
		if !errors.Is(err, balsa.ErrBackup) || !errors.Is(err, balsa.ErrDamaged) || !strings.HasPrefix(err.Error(), "f is damaged, or no backup: at offset ") {
			t.Fatalf("%s at %d: %v, want damage", what, at, err)
		}
	}
	for n := range file {
		damaged("cut", n, file[:n])
	}
	for n := range file {
		altered := bytes.Clone(file)
		altered[n] ^= 0x20
		if plain, err := io.ReadAll(backup.Decompress(bytes.NewReader(altered), "f")); err == nil {
			// Some bits of Zstandard's headers mean nothing.
			whole, _ := io.ReadAll(backup.Decompress(bytes.NewReader(file), "f"))
			if bytes.Equal(plain, whole) {
				continue
			}
		}
		damaged("altered", n, altered)
	}
	damaged("with more behind it", len(file), append(bytes.Clone(file), file...))
	damaged("with anything behind it", len(file), append(bytes.Clone(file), "more"...))
}

func TestAReaderThatFailsIsNoDamage(t *testing.T) {
	file, _, _ := backedUp(t)
	broken := errors.New("the line broke")
	for _, n := range []int{0, 3, 100} {
		_, err := backup.Check(io.MultiReader(bytes.NewReader(file[:n]), iotest.ErrReader(broken)), "f")
		if !errors.Is(err, broken) || errors.Is(err, balsa.ErrDamaged) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}
