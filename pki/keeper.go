package pki

import (
	"crypto/tls"
	"sync"
	"sync/atomic"
)

// Keeper holds what files say, for all connections of a kind. Any goroutine may use it.
type Keeper struct {
	files   Files
	members bool
	name    string // of the member
	clients tls.ClientAuthType

	current atomic.Pointer[material]
	loading sync.Mutex
	told    string // what was wrong with the files when somebody last looked
}

// ForMember keeps what a member with this name shows to other members, and asks of them:
// both ends show a certificate, a member's. Whether it is that of the very member which
// the other end says it is, CheckMember tells, once it has said so.
func ForMember(name string, files Files) (*Keeper, error) {
	return open(&Keeper{files: files, members: true, name: name, clients: tls.RequireAndVerifyClientCert})
}

// ForCallers keeps what a member shows to callers. With Files.CA callers may show
// certificates, or must if required is set; those of members are refused.
func ForCallers(required bool, files Files) (*Keeper, error) {
	k := &Keeper{files: files}
	switch {
	case files.CA == "":
	case required:
		k.clients = tls.RequireAndVerifyClientCert
	default:
		k.clients = tls.VerifyClientCertIfGiven
	}
	return open(k)
}

func open(k *Keeper) (*Keeper, error) {
	_, err := k.Reload()
	return k, err
}

// Reload reads the files again, and says whether they hold anything new. On an error,
// which names the file, all stays as it was.
func (k *Keeper) Reload() (changed bool, err error) {
	k.loading.Lock()
	defer k.loading.Unlock()
	return k.reload()
}

func (k *Keeper) reload() (changed bool, err error) {
	text, err := k.files.read()
	if err != nil {
		return false, err
	}
	before := k.current.Load()
	if before != nil && before.sum == text.sum() {
		return false, nil
	}
	m, err := k.parse(text)
	if err != nil {
		return false, err
	}
	k.current.Store(m)
	return true, nil
}

// Look is Reload for who looks every now and then: the same trouble is told once.
func (k *Keeper) Look() (changed bool, err error) {
	k.loading.Lock()
	defer k.loading.Unlock()
	changed, err = k.reload()
	switch {
	case err == nil:
		k.told = ""
	case err.Error() == k.told:
		return false, nil
	default:
		k.told = err.Error()
	}
	return changed, err
}

// Config is for connections that are accepted, and for those that are dialled. It goes by
// what the files said last; nobody needs to ask for it again.
func (k *Keeper) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return k.current.Load().server, nil
		},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &k.current.Load().own, nil
		},
		// Who dials verifies by itself: RootCAs could not be replaced.
		InsecureSkipVerify: true,
		VerifyConnection:   func(s tls.ConnectionState) error { return k.current.Load().verifyServer(s) },
	}
}
