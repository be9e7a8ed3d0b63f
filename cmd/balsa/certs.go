package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/balsaraft/balsa/pki"
)

// certsCommand is a small authority: a directory with its key, and with what it signed.
type certsCommand struct {
	Dir     string   `help:"Directory for the files, made if missing. Default: ${default}." default:"certs" placeholder:"DIR"`
	Members []string `help:"Make a certificate for each of these members." placeholder:"NAME,..."`
	Hosts   []string `help:"Names and addresses at which members are reached, for the certificates of --members; their own names are added. Default: ${default}." default:"127.0.0.1,localhost" placeholder:"HOST,..."`
	Callers []string `help:"Make a certificate for each of these callers." placeholder:"NAME,..."`
	Revoke  []string `help:"Take the certificates of these members or callers back." placeholder:"NAME,..."`
	Days    int      `help:"For how many days new certificates are good. Default: ${default}." default:"365" placeholder:"N"`
	JSON    bool     `name:"json" help:"Print what was done as JSON."`
}

// office is the directory of an authority.
type office struct {
	dir       string
	authority *pki.Authority
	out       io.Writer // for people
	deeds     []deed
}

// deed is what was done to a file, as JSON.
type deed struct {
	Did   string    `json:"did"` // made, kept or revoked
	File  string    `json:"file"`
	Key   string    `json:"key,omitempty"` // the file with its key
	For   string    `json:"for"`
	Until time.Time `json:"until,omitzero"`
}

// lifetime is how long an authority is good.
const lifetime = 10 * 365 * 24 * time.Hour

const (
	authorityName = "ca"  // its files are ca.pem and ca.key
	listName      = "crl" // crl.pem is what it has revoked
)

// Run adds what is missing, and overwrites nothing but the list of what was revoked.
func (c *certsCommand) Run(console console) error {
	if err := c.check(); err != nil {
		return err
	}
	out := console.stdout
	if c.JSON {
		out = io.Discard
	}
	o, err := openOffice(c.Dir, out)
	if err != nil {
		return err
	}
	until := time.Now().Add(time.Duration(c.Days) * 24 * time.Hour)
	for _, name := range c.Members {
		hosts := append([]string{name}, slices.DeleteFunc(slices.Clone(c.Hosts), func(h string) bool { return h == name })...)
		if err := o.issue(pki.Subject{Role: pki.Member, Name: name}, hosts, until); err != nil {
			return err
		}
	}
	for _, name := range c.Callers {
		if err := o.issue(pki.Subject{Role: pki.Caller, Name: name}, nil, until); err != nil {
			return err
		}
	}
	if err := o.revoke(c.Revoke); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(console.stdout, struct {
			Dir   string `json:"dir"`
			Deeds []deed `json:"deeds"`
		}{c.Dir, append([]deed{}, o.deeds...)})
	}
	return c.sayWhatNext(console.stdout)
}

// check looks at all names before anything is made.
func (c *certsCommand) check() error {
	all := slices.Concat(c.Members, c.Callers)
	for i, name := range slices.Concat(all, c.Revoke) {
		switch {
		case name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" || name[0] == '.' || name[0] == '-':
			return fmt.Errorf("%w: the name %q: it becomes a file's name, of letters, digits, - _ and . alone, and begins with neither . nor -", errUsage, name)
		case name == authorityName || name == listName:
			return fmt.Errorf("%w: %s.pem is a file of the authority; choose another name", errUsage, name)
		case i < len(all) && slices.Contains(all[:i], name):
			return fmt.Errorf("%w: the name %s is given twice", errUsage, name)
		}
	}
	if c.Days < 1 {
		return fmt.Errorf("%w: --days is 1 at least", errUsage)
	}
	return nil
}

// openOffice goes on with an authority, or makes one in a directory that has none.
func openOffice(dir string, out io.Writer) (*office, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	o := &office{dir: dir, out: out}
	cert, err := os.ReadFile(o.path(authorityName + ".pem"))
	if errors.Is(err, fs.ErrNotExist) {
		return o, o.found()
	}
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(o.path(authorityName + ".key"))
	if err != nil {
		return nil, fmt.Errorf("go on with the authority of %s: %w", dir, err)
	}
	if o.authority, err = pki.OpenAuthority(pki.Pair{Cert: cert, Key: key}); err != nil {
		return nil, fmt.Errorf("go on with the authority of %s: %w", dir, err)
	}
	return o, nil
}

// found makes an authority, and its list, which is empty: who gives it to members at the
// start need not restart them to revoke something.
func (o *office) found() (err error) {
	var pair pki.Pair
	if o.authority, pair, err = pki.NewAuthority("balsa", time.Now().Add(lifetime)); err != nil {
		return err
	}
	if err := o.writePair(authorityName, pair); err != nil {
		return err
	}
	list, err := o.authority.Revoke(nil)
	if err != nil {
		return err
	}
	if err := replaceFile(o.path(listName+".pem"), list); err != nil {
		return err
	}
	o.deeds = append(o.deeds, deed{Did: "made", File: o.path(authorityName + ".pem"), Key: o.path(authorityName + ".key"), For: "the authority"})
	o.say("made %s, an authority; keep %s to yourself", o.path(authorityName+".pem"), o.path(authorityName+".key"))
	return nil
}

func (o *office) path(name string) string          { return filepath.Join(o.dir, name) }
func (o *office) say(format string, values ...any) { fmt.Fprintf(o.out, format+"\n", values...) }

// issue makes a certificate, unless there is one for the very subject.
func (o *office) issue(s pki.Subject, hosts []string, until time.Time) error {
	there, err := o.existing(s)
	if err != nil || there {
		return err
	}
	pair, err := o.authority.Issue(s, hosts, until)
	if err != nil {
		return fmt.Errorf("sign for %s: %w", s, err)
	}
	if err := o.writePair(s.Name, pair); err != nil {
		return err
	}
	o.deeds = append(o.deeds, deed{"made", o.path(s.Name + ".pem"), o.path(s.Name + ".key"), s.String(), until.UTC()})
	o.say("made %s and %s.key for %s, good until %s", o.path(s.Name+".pem"), s.Name, s, until.UTC().Format(time.DateOnly))
	return nil
}

// existing says whether a certificate is there. One that is of no use any more is the
// owner's to remove.
func (o *office) existing(s pki.Subject) (bool, error) {
	path := o.path(s.Name + ".pem")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	cert, err := pki.ParseCertificate(text)
	if err != nil {
		return false, fmt.Errorf("%s: %w", path, err)
	}
	renew := fmt.Sprintf("remove %s and %s.key to have another", path, s.Name)
	found, err := pki.SubjectOf(cert)
	if err != nil || found != s {
		return false, fmt.Errorf("%s is there already, for %s; choose another name for %s", path, found, s)
	}
	if time.Now().After(cert.NotAfter) {
		return false, fmt.Errorf("%s expired on %s; %s", path, cert.NotAfter.UTC().Format(time.DateOnly), renew)
	}
	list, err := os.ReadFile(o.path(listName + ".pem"))
	if err != nil {
		return false, err
	}
	revoked, err := o.authority.Revoked(list, text)
	switch {
	case err != nil:
		return false, fmt.Errorf("%s: %w", o.path(listName+".pem"), err)
	case revoked:
		return false, fmt.Errorf("%s was revoked; %s", path, renew)
	}
	o.deeds = append(o.deeds, deed{"kept", path, o.path(s.Name + ".key"), s.String(), cert.NotAfter})
	o.say("kept %s, good until %s; %s", path, cert.NotAfter.UTC().Format(time.DateOnly), renew)
	return true, nil
}

func (o *office) revoke(names []string) error {
	if len(names) == 0 {
		return nil
	}
	list, err := os.ReadFile(o.path(listName + ".pem"))
	if err != nil {
		return err
	}
	var certs [][]byte
	for _, name := range names {
		text, err := os.ReadFile(o.path(name + ".pem"))
		if err != nil {
			return fmt.Errorf("revoke %s: %w", name, err)
		}
		certs = append(certs, text)
	}
	if list, err = o.authority.Revoke(list, certs...); err != nil {
		return fmt.Errorf("revoke %s: %w", strings.Join(names, ", "), err)
	}
	if err := replaceFile(o.path(listName+".pem"), list); err != nil {
		return err
	}
	for _, name := range names {
		o.deeds = append(o.deeds, deed{Did: "revoked", File: o.path(name + ".pem"), For: name})
	}
	o.say("revoked %s: bring %s to every member that was started with --tls-crl or --client-tls-crl; it is read within %s", strings.Join(names, ", "), o.path(listName+".pem"), lookEvery)
	return nil
}

// writePair writes the key first: a certificate that is there has one.
func (o *office) writePair(name string, p pki.Pair) error {
	if err := newFile(o.path(name+".key"), p.Key, 0o600); err != nil {
		return err
	}
	return newFile(o.path(name+".pem"), p.Cert, 0o644)
}

// newFile writes a file that must not be there yet.
func newFile(path string, text []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// replaceFile puts a file in the place of another at once: a member that reads it sees one
// or the other.
func replaceFile(path string, text []byte) error {
	next := path + ".new"
	if err := os.WriteFile(next, text, 0o644); err != nil {
		return err
	}
	return os.Rename(next, path)
}

func (c *certsCommand) sayWhatNext(out io.Writer) error {
	if len(c.Members)+len(c.Callers) == 0 {
		return nil
	}
	var b strings.Builder
	at := func(name string) string { return filepath.Join(c.Dir, name) }
	fmt.Fprintln(&b)
	if len(c.Members) > 0 {
		m := c.Members[0]
		fmt.Fprintf(&b, "Start each member with its own, beside its other flags:\n  balsa serve --name %s --tls-cert %s --tls-key %s --tls-ca %s --tls-crl %s \\\n    --client-tls-cert %s --client-tls-key %s", m, at(m+".pem"), at(m+".key"), at("ca.pem"), at("crl.pem"), at(m+".pem"), at(m+".key"))
		fmt.Fprintf(&b, " --client-tls-ca %s\n", at("ca.pem"))
	}
	if len(c.Callers) > 0 {
		k := c.Callers[0]
		fmt.Fprintf(&b, "Call them:\n  balsa status --server https://127.0.0.1:8080 --ca %s --cert %s --key %s\n", at("ca.pem"), at(k+".pem"), at(k+".key"))
	}
	_, err := io.WriteString(out, b.String())
	return err
}
