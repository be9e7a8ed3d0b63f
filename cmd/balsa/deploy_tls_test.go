package main

import (
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// certsOf runs the line of a file's head that makes certificates, as it is written there,
// and returns the directory.
func certsOf(t *testing.T, path string) (dir string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(strings.TrimPrefix(line, "#"))
		if len(words) < 2 || words[0] != "balsa" || words[1] != "certs" {
			continue
		}
		var command commandLine
		if _, err := kong.Must(&command).Parse(words[1:]); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		dir = filepath.Join(t.TempDir(), command.Certs.Dir)
		command.Certs.Dir = dir
		if err := command.Certs.Run(console{stdout: t.Output()}); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		return dir
	}
	t.Fatalf("%s does not say how certificates are made", path)
	return ""
}

// mustBeSecure looks whether members could load what a deployment gives them, and whether
// others could reach them by the names that it uses.
func mustBeSecure(t *testing.T, members map[string]serveCommand, dir, mounted string, callersAt ...string) {
	t.Helper()
	here := func(path string) string {
		rest, ok := strings.CutPrefix(path, mounted+"/")
		if !ok {
			t.Errorf("%s is not in %s", path, mounted)
		}
		return filepath.Join(dir, rest)
	}
	for name, m := range members {
		own := tlsOptions{here(m.TLS.Cert), here(m.TLS.Key), here(m.TLS.CA), here(m.TLS.CRL)}
		if _, err := own.keeper(name); err != nil {
			t.Errorf("%s cannot talk to members: %v", name, err)
		}
		if _, err := (clientTLSOptions{Cert: here(m.ClientTLS.Cert), Key: here(m.ClientTLS.Key)}).keeper(false, own); err != nil {
			t.Errorf("%s cannot talk to callers: %v", name, err)
		}
		text, err := os.ReadFile(own.Cert)
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(text)
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		host, _, err := net.SplitHostPort(m.Advertise)
		if err != nil {
			t.Fatal(err)
		}
		for _, host := range append(callersAt, host) {
			if err := cert.VerifyHostname(host); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestTheComposeFilesUnderTLSFoundThreeMembers(t *testing.T) {
	const path = "../../deploy/compose/tls.yaml"
	base, doc := documents(t, "../../compose.yaml")[0], documents(t, path)[0]
	members := map[string]serveCommand{}
	for name, service := range at(t, doc, "services").(map[string]any) {
		t.Run(name, func(t *testing.T) {
			env := image(t)
			for _, from := range []any{at(t, base, "services", name), service} { // the later file counts
				for k, v := range at(t, from, "environment").(map[string]any) {
					env[k] = v.(string)
				}
			}
			members[name] = parseServe(t, []string{"serve"}, env)
			var secrets []string
			for _, s := range at(t, service, "secrets").([]any) {
				file := s.(string)
				if got := at(t, doc, "secrets", file, "file"); got != "./certs/"+file {
					t.Errorf("the secret %s is %s", file, got)
				}
				secrets = append(secrets, file)
			}
			if got, want := strings.Join(secrets, " "), "ca.pem crl.pem "+name+".pem "+name+".key"; got != want {
				t.Errorf("it is given %s, want %s", got, want)
			}
			var command commandLine
			var words []string
			for _, w := range at(t, service, "healthcheck", "test").([]any)[2:] {
				words = append(words, w.(string))
			}
			if _, err := kong.Must(&command).Parse(words); err != nil || !strings.HasPrefix(command.Status.Server[0], "https://") || command.Status.CA != "/run/secrets/ca.pem" {
				t.Errorf("its health check asks %v, trusting %q: %v", command.Status.Server, command.Status.CA, err)
			}
		})
	}
	mustFound(t, members)
	mustBeSecure(t, members, certsOf(t, path), "/run/secrets", "127.0.0.1", "localhost")
}

// kubectl puts the files together without a cluster.
func TestTheStatefulSetUnderTLSFoundsThreeMembers(t *testing.T) {
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		t.Skip("kubectl is not here to put the files together")
	}
	out, err := exec.Command(kubectl, "kustomize", "../../deploy/kubernetes-tls").Output()
	if err != nil {
		t.Fatalf("kubectl kustomize: %v", err)
	}
	path := filepath.Join(t.TempDir(), "all.yaml")
	if err := os.WriteFile(path, out, 0o600); err != nil {
		t.Fatal(err)
	}
	members := statefulSetMembers(t, path, "HTTPS")
	mustFound(t, members)
	mustBeSecure(t, members, certsOf(t, "../../deploy/kubernetes-tls/kustomization.yaml"), "/tls", "balsa-kv")
}

// What kubectl makes of the patch is for when it is here; this is what the patch says.
func TestTheStatefulSetsPatchSpeaksOfWhatStandsBeforeIt(t *testing.T) {
	text, err := os.ReadFile("../../deploy/kubernetes-tls/statefulset.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	container := at(t, doc, "spec", "template", "spec", "containers", 0)
	env := podEnv(t, container, "balsa-1")
	if env["BALSA_TLS_CERT"] != "/tls/balsa-1.pem" || env["BALSA_CLIENT_TLS_KEY"] != "/tls/balsa-1.key" {
		t.Errorf("a pod reads %v", env)
	}
	if mount, volume := at(t, container, "volumeMounts", 0, "name"), at(t, doc, "spec", "template", "spec", "volumes", 0, "name"); mount != volume {
		t.Errorf("%v is mounted, there is %v", mount, volume)
	}
}
