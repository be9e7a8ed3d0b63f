package codec

import (
	"reflect"
	"strings"
)

// field is one that JSON writes into the object of a struct: the struct's own, or one
// of a struct that is embedded in it.
type field struct {
	reflect.StructField
	path    string
	name    string // in JSON
	depth   int    // how deep it is embedded
	tagged  bool   // a tag gives the name
	lost    string // why JSON leaves it out, "" if it does not
	pointed bool   // a pointer leads to it
}

// fieldsOf lists the fields of a struct type but for those left out on purpose.
func fieldsOf(t reflect.Type, path string) []field {
	return appendFields(nil, t, field{path: path}, map[reflect.Type]bool{})
}

// appendFields adds the fields of t, which is embedded as within says.
func appendFields(all []field, t reflect.Type, within field, above map[reflect.Type]bool) []field {
	above[t] = true
	defer delete(above, t)
	for i := range t.NumField() {
		f := field{StructField: t.Field(i), depth: within.depth, pointed: within.pointed}
		tag := f.Tag.Get("json")
		if tag == "-" || f.Type.Size() == 0 && f.Name == "_" {
			continue
		}
		f.path, f.name = within.path+"."+f.Name, f.Name
		if name, _, _ := strings.Cut(tag, ","); name != "" {
			f.name, f.tagged = name, true
		}
		embedded := f.Type
		if embedded.Kind() == reflect.Pointer {
			embedded = embedded.Elem()
		}
		promotes := f.Anonymous && embedded.Kind() == reflect.Struct
		switch {
		case !f.IsExported() && !(promotes && f.Type == embedded):
			f.lost = "is not exported" // of a pointer to a struct JSON writes it, and cannot read it back
		case promotes && !f.tagged && above[embedded]:
			f.lost = "is embedded in itself, and its fields have the names of those above"
		}
		if promotes && !f.tagged && f.lost == "" {
			f.depth, f.pointed = f.depth+1, f.pointed || f.Type != embedded
			all = appendFields(all, embedded, f, above)
			continue
		}
		all = append(all, f)
	}
	return all
}

// overshadowed finds a field that JSON leaves out because another one has its name: of
// several the least embedded one counts, among these one whose tag gives the name, and
// if there are still several, none.
func overshadowed(fields []field) (lost string, by field) {
	first := map[string]field{}
	for _, f := range fields {
		other, there := first[f.name]
		switch {
		case !there:
			first[f.name] = f
		case other.depth < f.depth || other.depth == f.depth && other.tagged && !f.tagged:
			return f.path, other
		default:
			return other.path, f
		}
	}
	return "", field{}
}
