package snapshot

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/balsaraft/balsa/wire"
)

const (
	tempEnding = ".tmp"
	partEnding = ".part"
)

// title is what a file's name says: which snapshot it is.
type title struct {
	pos wire.Pos
	id  uint64
}

func (m Meta) title() title { return title{m.Pos, m.ID} }

func (t title) String() string {
	return fmt.Sprintf("snap-%016x-%016x-%016x", uint64(t.pos.Term), uint64(t.pos.Index), t.id)
}

// parseName returns the title in a name and its ending: "", tempEnding or partEnding.
// Names that are not written exactly so are of other files.
func parseName(name string) (t title, ending string, ok bool) {
	stem, ending := name, ""
	if dot := strings.IndexByte(name, '.'); dot >= 0 {
		stem, ending = name[:dot], name[dot:]
	}
	fields := strings.Split(stem, "-")
	if len(fields) != 4 || ending != "" && ending != tempEnding && ending != partEnding {
		return t, "", false
	}
	var numbers [3]uint64
	for i := range numbers {
		numbers[i], _ = strconv.ParseUint(fields[1+i], 16, 64)
	}
	t = title{wire.Pos{Term: wire.Term(numbers[0]), Index: wire.Index(numbers[1])}, numbers[2]}
	return t, ending, t.String() == stem
}
