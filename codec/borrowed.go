package codec

import (
	"encoding"
	"encoding/json"
	"reflect"
)

// A struct that embeds a type with marshalling methods has these methods, too, and is
// written as nothing but the embedded value: struct{ time.Time; Zone string } loses
// its Zone. Reflection does not tell a method that is borrowed so from the struct's
// own; trying it does.

// roundTrip writes the value that in points to, and reads it into what out points to.
type roundTrip func(in, out any) error

func throughJSON(in, out any) error {
	data, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, out)
}

func throughBinary(in, out any) error {
	data, err := in.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		return err
	}
	return out.(encoding.BinaryUnmarshaler).UnmarshalBinary(data)
}

// borrowedWay finds a field of t that is lost because t is written by the methods of a
// type embedded in it: none of the fields beside the embedded one comes back. A trial
// that ends in an error tells nothing.
func borrowedWay(t reflect.Type, path string, trip roundTrip) (where, why string) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return "", ""
	}
	in, out := reflect.New(t), reflect.New(t)
	filled, lender := fillBeside(in.Elem())
	if lender.Name == "" {
		return "", ""
	}
	lent := "the methods that write and read " + t.String() + " are those of the embedded " + lender.Name
	switch err, panicked := try(trip, in.Interface(), out.Interface()); {
	case panicked && lender.Type.Kind() == reflect.Pointer:
		return path + "." + lender.Name, "cannot be read: " + lent + ", which is nil then"
	case panicked || err != nil || len(filled) == 0:
		return "", ""
	}
	for _, i := range filled {
		if !out.Elem().Field(i).IsZero() {
			return "", ""
		}
	}
	return path + "." + t.Field(filled[0]).Name, "is left out: " + lent
}

// try makes a trial. Methods may panic on the values that it makes up.
func try(trip roundTrip, in, out any) (err error, panicked bool) {
	defer func() { panicked = recover() != nil }()
	return trip(in, out), false
}

// fillBeside gives the exported fields of a struct values that are not zero, those
// aside that are embedded or left out on purpose, and names an embedded one.
func fillBeside(v reflect.Value) (filled []int, lender reflect.StructField) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		switch {
		case f.Anonymous:
			lender = f
			if f.Type.Kind() == reflect.Pointer && f.IsExported() {
				v.Field(i).Set(reflect.New(f.Type.Elem()))
			}
		case f.IsExported() && f.Tag.Get("json") != "-" && fill(v.Field(i), 3):
			filled = append(filled, i)
		}
	}
	return filled, lender
}

// fill makes a value that is not zero, if it knows how.
func fill(v reflect.Value, depth int) bool {
	if depth == 0 {
		return false
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		v.SetUint(1)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(1)
	case reflect.String:
		v.SetString("x")
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), depth-1)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth-1)
	case reflect.Array:
		return v.Len() > 0 && fill(v.Index(0), depth-1)
	case reflect.Struct:
		return fillStruct(v, depth-1)
	default:
		return false
	}
	return true
}

func fillStruct(v reflect.Value, depth int) (any bool) {
	for i := range v.NumField() {
		if v.Type().Field(i).IsExported() && fill(v.Field(i), depth) {
			any = true
		}
	}
	return any
}
