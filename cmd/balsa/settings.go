package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// settingsFile is a file of settings: YAML, a flag's name without its dashes a key. What
// the command line or the environment says counts more.
type settingsFile string

// BeforeResolve reads the file before the flags are looked at.
func (settingsFile) BeforeResolve(ctx *kong.Context, trace *kong.Path) error {
	path, _ := ctx.FlagValue(trace.Flag).(settingsFile)
	if path == "" {
		return nil
	}
	s, err := readSettings(string(path), ctx.Selected())
	if err != nil {
		return err
	}
	ctx.AddResolver(s)
	return nil
}

// settings are the values of a file, as they would stand behind flags.
type settings map[string]setting

type setting struct {
	value string
	where string // file and line
}

// readSettings reads a file, and refuses what is no flag of the command.
func readSettings(path string, command *kong.Node) (settings, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the settings: %w", err)
	}
	defer file.Close()
	var doc yaml.Node
	if err := yaml.NewDecoder(file).Decode(&doc); errors.Is(err, io.EOF) {
		return nil, nil // an empty file sets nothing
	} else if err != nil {
		return nil, fmt.Errorf("read the settings in %s: %w", path, err)
	}
	top := doc.Content[0]
	if top.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s:%d: settings are lines such as name: a, a flag's name and its value", path, top.Line)
	}
	known := flagNames(command)
	all := settings{}
	for i := 0; i < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		where := fmt.Sprintf("%s:%d", path, key.Line)
		if !slices.Contains(known, key.Value) {
			return nil, fmt.Errorf("%s: there is no setting %q; there are %s", where, key.Value, strings.Join(known, ", "))
		}
		if before, twice := all[key.Value]; twice {
			return nil, fmt.Errorf("%s: %s is set at %s, too", where, key.Value, before.where)
		}
		text, err := flagText(value)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", where, key.Value, err)
		}
		all[key.Value] = setting{text, where}
	}
	return all, nil
}

// flagNames are the names of a command's flags that a file may set.
func flagNames(command *kong.Node) (names []string) {
	for _, f := range command.Flags {
		if f.Name != "config" && f.Name != "help" {
			names = append(names, f.Name)
		}
	}
	return names
}

// flagText writes a value as it would be written behind a flag: a list as a,b and a map
// as a=1,b=2.
func flagText(n *yaml.Node) (string, error) {
	var parts []string
	switch n.Kind {
	case yaml.ScalarNode:
		return n.Value, nil
	case yaml.SequenceNode:
		for _, e := range n.Content {
			if e.Kind != yaml.ScalarNode {
				return "", errors.New("a list here holds words alone")
			}
			parts = append(parts, e.Value)
		}
	case yaml.MappingNode:
		for i := 0; i < len(n.Content); i += 2 {
			if n.Content[i+1].Kind != yaml.ScalarNode {
				return "", fmt.Errorf("%s stands for a word or a number", n.Content[i].Value)
			}
			parts = append(parts, n.Content[i].Value+"="+n.Content[i+1].Value)
		}
	default:
		return "", errors.New("it is a word, a number, a list or a map")
	}
	return strings.Join(parts, ","), nil
}

// Validate implements kong.Resolver; readSettings has looked at all already.
func (settings) Validate(*kong.Application) error { return nil }

// Resolve implements kong.Resolver. kong asks for what the command line has not set.
func (s settings) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return nil, nil
		}
	}
	v, ok := s[flag.Name]
	if !ok {
		return nil, nil
	}
	if err := v.check(flag); err != nil {
		return nil, fmt.Errorf("%s: %w", v.where, err)
	}
	return v.value, nil
}

// check says what is wrong with a value. kong would say so, too, but not where it stands.
func (s setting) check(flag *kong.Flag) error {
	if allowed := flag.EnumSlice(); flag.Enum != "" && !slices.Contains(allowed, s.value) {
		return fmt.Errorf("it is one of %s, and not %q", strings.Join(allowed, ", "), s.value)
	}
	scan := kong.Scan().PushTyped(s.value, kong.FlagValueToken)
	target := reflect.New(flag.Target.Type()).Elem()
	if target.Kind() == reflect.Pointer { // decoding needs something to write to, as with kong.Value's Parse
		target.Set(reflect.New(target.Type().Elem()))
	}
	return flag.Mapper.Decode(&kong.DecodeContext{Value: flag.Value, Scan: scan}, target)
}
