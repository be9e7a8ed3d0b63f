package tracing

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// settings are how spans are sent, as OpenTelemetry's environment says
// (opentelemetry.io/docs/specs/otel/protocol/exporter).
type settings struct {
	url     string
	headers map[string]string
	timeout time.Duration // of one try
	gzip    bool
	tls     *tls.Config // nil for the system's
}

const (
	forAll    = "OTEL_EXPORTER_OTLP_"
	forTraces = forAll + "TRACES_"
)

// variable is the value of a setting, and the name of the variable that has it: the one for
// traces counts more than the one for all signals.
func variable(setting string) (value, name string) {
	for _, name := range []string{forTraces + setting, forAll + setting} {
		if value := strings.TrimSpace(os.Getenv(name)); value != "" {
			return value, name
		}
	}
	return "", ""
}

// readSettings reads the environment. Not ok is that it does not say where spans go.
func readSettings() (s settings, ok bool, err error) {
	s.timeout = 10 * time.Second
	if s.url, err = address(); err != nil || s.url == "" {
		return s, false, err
	}
	for setting, read := range map[string]func(string) error{
		"PROTOCOL": func(v string) error {
			return oneOf(v, "http/protobuf")
		},
		"COMPRESSION": func(v string) error {
			s.gzip = v == "gzip"
			return oneOf(v, "gzip", "none")
		},
		"TIMEOUT": func(v string) error {
			ms, err := strconv.Atoi(v)
			s.timeout = time.Duration(ms) * time.Millisecond
			if err != nil || ms <= 0 {
				return fmt.Errorf("it must be a number of milliseconds, above 0")
			}
			return nil
		},
		"HEADERS":     s.readHeaders,
		"CERTIFICATE": s.readAuthority,
		"CLIENT_CERTIFICATE": func(v string) error {
			key, _ := variable("CLIENT_KEY")
			pair, err := tls.LoadX509KeyPair(v, key)
			s.secure().Certificates = []tls.Certificate{pair}
			return err
		},
	} {
		value, name := variable(setting)
		if value == "" {
			continue
		}
		if err := read(value); err != nil {
			if setting == "HEADERS" {
				value = "…" // they may hold a secret
			}
			return s, false, fmt.Errorf("%s=%s: %w", name, value, err)
		}
	}
	return s, true, nil
}

// address is where spans go, "" if nobody has said so.
func address() (string, error) {
	value, name := variable("ENDPOINT")
	if value == "" {
		return "", nil
	}
	at, err := url.Parse(value)
	if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
		return "", fmt.Errorf("%s=%s: it must be http://HOST:PORT or https://HOST:PORT", name, value)
	}
	if name == forTraces+"ENDPOINT" { // as it is
		at.Path = cmp.Or(at.Path, "/")
		return at.String(), nil
	}
	return at.JoinPath("v1", "traces").String(), nil
}

func oneOf(value string, all ...string) error {
	for _, v := range all {
		if v == value {
			return nil
		}
	}
	return fmt.Errorf("here it can be %s", strings.Join(all, " or "))
}

// readHeaders reads NAME=VALUE,NAME=VALUE, where values are escaped as in URLs.
func (s *settings) readHeaders(v string) error {
	s.headers = map[string]string{}
	for pair := range strings.SplitSeq(v, ",") {
		name, value, ok := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if name = strings.TrimSpace(name); !ok || name == "" || err != nil {
			return fmt.Errorf("it must be NAME=VALUE,NAME=VALUE, with values escaped as in URLs")
		}
		s.headers[name] = value
	}
	return nil
}

// readAuthority reads the certificates that a collector's own must be signed by.
func (s *settings) readAuthority(file string) error {
	pem, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return fmt.Errorf("there is no certificate in it, as PEM")
	}
	s.secure().RootCAs = pool
	return nil
}

func (s *settings) secure() *tls.Config {
	if s.tls == nil {
		s.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return s.tls
}
