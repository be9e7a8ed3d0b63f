package main

import (
	"cmp"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// parseServe reads the arguments and environment of a member as the command does.
func parseServe(t *testing.T, args []string, env map[string]string) serveCommand {
	t.Helper()
	for name, value := range env {
		t.Setenv(name, value)
	}
	var line commandLine
	parser := kong.Must(&line, kong.DefaultEnvars("BALSA"))
	if _, err := parser.Parse(args); err != nil {
		t.Fatalf("%v with %v: %v", args, env, err)
	}
	// What no flag has is a mistake, and would be passed over.
	for name := range env {
		if !strings.Contains(strings.Join(environmentNames(parser.Model.Node), " ")+" ", name+" ") {
			t.Errorf("no flag reads %s", name)
		}
	}
	return line.Serve
}

// mustFound looks whether members of a deployment found one cluster.
func mustFound(t *testing.T, members map[string]serveCommand) {
	t.Helper()
	if len(members) != 3 {
		t.Errorf("%d members, want 3", len(members))
	}
	for name, m := range members {
		if m.Name != name || m.Cluster[name] != m.Advertise || len(m.Cluster) != 3 || loopback(m.Listen) || m.Dir != "/data" {
			t.Errorf("%s is set up as %+v", name, m)
		}
	}
}

// image reads the environment that the Dockerfile sets.
func image(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for word := range strings.FieldsSeq(string(text)) {
		if name, value, ok := strings.Cut(word, "="); ok && strings.HasPrefix(name, "BALSA_") {
			env[name] = value
		}
	}
	return env
}

func documents(t *testing.T, path string) (all []map[string]any) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	decoder := yaml.NewDecoder(file)
	for {
		var doc map[string]any
		if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all = append(all, doc)
	}
}

// at goes down by keys and places in lists.
func at(t *testing.T, v any, path ...any) any {
	t.Helper()
	for _, step := range path {
		switch key := step.(type) {
		case string:
			v = v.(map[string]any)[key]
		case int:
			v = v.([]any)[key]
		}
		if v == nil {
			t.Fatalf("there is no %v", path)
		}
	}
	return v
}

func TestTheComposeFileFoundsThreeMembers(t *testing.T) {
	doc := documents(t, "../../compose.yaml")[0]
	members := map[string]serveCommand{}
	for name, service := range at(t, doc, "services").(map[string]any) {
		t.Run(name, func(t *testing.T) {
			env := image(t)
			for k, v := range at(t, service, "environment").(map[string]any) {
				env[k] = v.(string)
			}
			members[name] = parseServe(t, []string{"serve"}, env)
			ports := at(t, service, "ports").([]any)
			want := "127.0.0.1:800" + string("123"[name[0]-'a']) + ":6380"
			if ports[0] != want {
				t.Errorf("lines are at %s, want %s", ports[0], want)
			}
			if test := at(t, service, "healthcheck", "test").([]any); test[1] != "/balsa" || test[2] != "status" {
				t.Errorf("its health check is %v", test)
			}
		})
	}
	mustFound(t, members)
}

// podEnv is the environment of a container in a pod. A value speaks of what stands before
// it alone.
func podEnv(t *testing.T, container any, pod string) map[string]string {
	t.Helper()
	env := map[string]string{}
	for _, v := range at(t, container, "env").([]any) {
		v := v.(map[string]any)
		value, ok := v["value"].(string)
		if !ok && at(t, v, "valueFrom", "fieldRef", "fieldPath") == "metadata.name" {
			value = pod
		}
		for name, known := range env {
			value = strings.ReplaceAll(value, "$("+name+")", known)
		}
		env[v["name"].(string)] = value
	}
	return env
}

// statefulSetMembers reads the members of a StatefulSet, whose probes use a scheme.
func statefulSetMembers(t *testing.T, path, scheme string) map[string]serveCommand {
	t.Helper()
	members := map[string]serveCommand{}
	for _, doc := range documents(t, path) {
		if doc["kind"] != "StatefulSet" {
			continue
		}
		container := at(t, doc, "spec", "template", "spec", "containers", 0)
		for _, name := range []string{"balsa-0", "balsa-1", "balsa-2"} {
			t.Run(name, func(t *testing.T) {
				env := image(t)
				maps.Copy(env, podEnv(t, container, name))
				var args []string
				for _, a := range at(t, container, "args").([]any) {
					args = append(args, a.(string))
				}
				members[name] = parseServe(t, args, env)
			})
		}
		for probe, path := range map[string]string{"livenessProbe": "/healthz", "readinessProbe": "/readyz", "startupProbe": "/healthz"} {
			asks := at(t, container, probe, "httpGet").(map[string]any)
			if asks["path"] != path || cmp.Or(asks["scheme"], any("HTTP")) != scheme {
				t.Errorf("the %s asks %v, want %s over %s", probe, asks, path, scheme)
			}
		}
	}
	return members
}

func TestTheStatefulSetFoundsThreeMembers(t *testing.T) {
	mustFound(t, statefulSetMembers(t, "../../deploy/kubernetes/balsa.yaml", "HTTP"))
}

func TestTheUnitIsUnderstoodBySystemd(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not here to judge the unit")
	}
	unit, err := os.ReadFile("../../deploy/systemd/balsa.service")
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := t.TempDir() + "/balsa.service"
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(unit), "/usr/local/bin/balsa", self)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", path).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}
