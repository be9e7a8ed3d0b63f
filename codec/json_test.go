package codec

import (
	"encoding/json"
	"errors"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"
)

//lint:ignore U1000 that nobody can set the field is what is refused
type inner struct{ X, hidden int }

type Open struct{ X int }
type Other struct{ X int }
type renamed struct {
	X int `json:"other"`
}
type list struct {
	Value int
	Next  *list
}
type badList struct {
	Next  *badList
	Value chan int
}
type Ring struct {
	*Ring
	X int
}
type number int

// writesText and readsText know one direction only.
type writesText int

func (writesText) MarshalText() ([]byte, error) { return nil, nil }

type readsJSON struct{ X int }

func (*readsJSON) UnmarshalJSON([]byte) error { return nil }

type key struct{ a, b string }

func (k key) MarshalText() ([]byte, error)  { return []byte(k.a + "/" + k.b), nil }
func (k *key) UnmarshalText(b []byte) error { k.a, k.b, _ = strings.Cut(string(b), "/"); return nil }

// stamped is written as its time alone: the methods of time.Time are its own, too.
type stamped struct {
	time.Time
	Zone string
}

// signed embeds a type with methods and has methods of its own.
type signed struct {
	time.Time
	By string
}

// plain is signed without its methods.
type plain struct {
	At time.Time
	By string
}

func (s signed) MarshalJSON() ([]byte, error) { return json.Marshal(plain{s.Time, s.By}) }
func (s *signed) UnmarshalJSON(b []byte) error {
	var p plain
	err := json.Unmarshal(b, &p)
	s.Time, s.By = p.At, p.By
	return err
}

// Of two that bring the same methods a struct has neither, and JSON goes into both.
type began struct{ time.Time }
type ended struct{ time.Time }

// sameTag has two fields of one name in JSON. (go vet would not let it be written.)
var sameTag = reflect.New(reflect.StructOf([]reflect.StructField{
	{Name: "A", Type: reflect.TypeFor[int](), Tag: `json:"n"`},
	{Name: "B", Type: reflect.TypeFor[int](), Tag: `json:"n"`},
})).Elem().Interface()

func TestCheckJSONNamesWhatWouldBeLost(t *testing.T) {
	for _, tc := range []struct {
		name       string
		of         any
		path, says string
	}{
		{"an unexported field", struct{ A, b int }{}, ".b", "is not exported"},
		{"one further down", struct{ A []map[string]*inner }{}, ".A[].hidden", "is not exported"},
		{"one of an embedded struct", struct{ inner }{}, ".inner.hidden", "is not exported"},
		{"an embedded pointer that is not exported", struct{ *inner }{}, ".inner", "is not exported"},
		{"an embedded number that is not exported", struct{ number }{}, ".number", "is not exported"},
		{"the padding of a size", struct{ _ int }{}, "._", "is not exported"},
		{"an interface", struct{ E error }{}, ".E", "interface error"},
		{"any", map[string]any{}, "[]", "interface interface {}"},
		{"an embedded interface", struct{ error }{}, ".error", "not exported"},
		{"a channel", []chan int{}, "", "is a chan"},
		{"a function", struct{ F func() }{}, ".F", "is a func"},
		{"a complex number", struct{ C [2]complex64 }{}, ".C", "is a complex64"},
		{"keys that are structs", map[inner]int{}, "", "keys of type codec.inner"},
		{"keys that are numbers with a fraction", map[float64]int{}, "", "keys of type float64"},
		{"keys that are interfaces", map[any]int{}, "", "keys of type interface"},
		{"keys that are written and not read", map[writesText]int{}, "", "keys of type codec.writesText"},
		{"a map in a map", map[string]map[bool]int{}, "[]", "keys of type bool"},
		{"a part of a type that refers to itself", badList{}, ".Value", "is a chan"},
		{"a type that is written and not read", struct{ W writesText }{}, ".W", "without the method that reads it back"},
		{"a type that is read and not written", []readsJSON{}, "", "without the method that writes what it reads"},
		{"a pointer's method on a map's values", map[string]hex{}, "[]", "let the map hold pointers"},
		{"the same below an array in a map", map[string][1]struct{ H hex }{}, "[].H", "let the map hold pointers"},
		{"two embedded fields of one name", struct {
			Open
			Other
		}{}, ".Open.X", `has the name "X" in JSON, and so has`},
		{"an embedded field of the struct's own name", struct {
			X int
			Open
		}{}, ".Open.X", `has the name "X" in JSON, and so has`},
		{"one name in two tags", sameTag, ".A", `has the name "n" in JSON`},
		{"a field of a struct that embeds itself", Ring{}, ".Ring", "embedded in itself"},
		{"a tag that gives another field's name", struct {
			X int
			Y int `json:"X"`
		}{}, ".X", `has the name "X" in JSON`},
		{"what is beside an embedded type's methods", stamped{}, ".Zone", "those of the embedded Time"},
		{"the same by a pointer", map[string]*struct {
			*time.Time
			Zone struct{ A [1]uint8 }
		}{}, "[].Time", "the embedded Time, which is nil then"},
		{"a struct of two that bring methods", struct {
			began
			ended
		}{}, ".began.Time.wall", "is not exported"},
	} {
		of := reflect.TypeOf(tc.of)
		err := CheckJSON(of)
		var loss *LossError
		if !errors.As(err, &loss) {
			t.Errorf("%s: %v, want a *LossError", tc.name, err)
			continue
		}
		if loss.Type != of || loss.Path != of.String()+tc.path || !strings.Contains(loss.Why, tc.says) {
			t.Errorf("%s: %q %q, want path %q and %q", tc.name, loss.Path, loss.Why, of.String()+tc.path, tc.says)
		}
		if !strings.Contains(err.Error(), loss.Path) || !strings.Contains(err.Error(), "export the field") {
			t.Errorf("%s: the error names no path or no way out: %v", tc.name, err)
		}
	}
}

func TestCheckJSONPassesWhatComesBack(t *testing.T) {
	for _, of := range []any{
		0, "", true, 1.5, []byte{}, struct{}{},
		list{}, &list{}, []list{}, map[string]*list{},
		map[key]map[int8]map[number]string{}, map[string]time.Time{}, map[time.Duration]*hex{},
		time.Time{}, &big.Int{}, []big.Float{}, json.RawMessage{}, json.Number(""),
		signed{}, []signed{}, struct{ time.Time }{},
		struct {
			A int
			b chan int `json:"-"`
			_ struct{}
		}{},
		struct {
			Open
			renamed
		}{},
		struct {
			Open `json:"open"`
			X    int
		}{},
		struct {
			*Open
			Y int `json:",omitempty"`
		}{},
	} {
		if err := CheckJSON(reflect.TypeOf(of)); err != nil {
			t.Errorf("%T: %v", of, err)
		}
	}
	roundTrips(t, signed{time.Unix(1, 2).UTC(), "me"})
	roundTrips(t, map[key]int{{"a", "b"}: 3})
	roundTrips(t, struct {
		*Open
		Y int
	}{&Open{3}, 4})
}

// A struct that embeds a type with MarshalBinary has it, too, and would be written as
// the embedded value alone.
func TestBorrowedBinaryMethodsAreRefused(t *testing.T) {
	_, err := For[stamped]()
	_, byPointer := For[*stamped]()
	for _, err := range []error{err, byPointer} {
		var loss *LossError
		if !errors.As(err, &loss) || !strings.HasSuffix(loss.Path, "stamped.Zone") {
			t.Errorf("For says %v, want that Zone is lost", err)
		}
	}
	if _, err := For[struct{ time.Time }](); err != nil {
		t.Errorf("nothing is beside the embedded time: %v", err)
	}
}

func TestForRefusesWhatCheckJSONRefuses(t *testing.T) {
	_, err := For[struct{ A, b int }]()
	var loss *LossError
	if !errors.As(err, &loss) || !strings.HasSuffix(loss.Path, ".b") {
		t.Errorf("For says %v", err)
	}
	if _, err := For[error](); !errors.As(err, &loss) {
		t.Errorf("For of an interface says %v", err)
	}
}
