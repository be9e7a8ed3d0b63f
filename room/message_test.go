package room

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

var nonce = []byte("0123456789abcdef")

func TestMessagesComeBackAsTheyWere(t *testing.T) {
	for _, m := range []Said{
		{Type: TypeHello, Protocol: 1, Room: "0123456789abcdef0123456789abcdef", Member: "a", Nonce: nonce, Token: "t"},
		{Type: TypeSignal, To: 3, Counter: 9, Sealed: nonce},
		{Type: TypePing},
	} {
		b, err := json.Marshal(m)
		must(t, err)
		if got, err := DecodeSaid(b); err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%s came back as %+v, %v", b, got, err)
		}
	}
	for _, m := range []Told{
		{Type: TypeWelcome, Seat: 1, Peers: []Peer{{2, "b", nonce}}, ICEServers: []ICEServer{{[]string{"stun:x"}, "u", "c"}}, Limits: &Limits{1, 2, MaxRelay, 4, 5}, Resume: "r"},
		{Type: TypeJoined, Peer: &Peer{2, "b", nonce}},
		{Type: TypeLeft, Seat: 2},
		{Type: TypeSignal, From: 3, Counter: 9, Sealed: nonce},
		{Type: TypePong},
		{Type: TypeError, Code: Full, Message: "full", Seat: 2},
	} {
		b, err := json.Marshal(m)
		must(t, err)
		if got, err := DecodeTold(b); err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("%s came back as %+v, %v", b, got, err)
		}
	}
}

// An introducer that speaks nonsense is noticed by its first word.
func TestWhatNoIntroducerTellsIsRefused(t *testing.T) {
	for why, text := range map[string]string{
		"no JSON":                  "<html>",
		"no type":                  "{}",
		"a member's word":          `{"type":"hello"}`,
		"a welcome without limits": `{"type":"welcome","seat":1}`,
		"a welcome without a seat": `{"type":"welcome","limits":{"relay":16448}}`,
		"a limit too small":        `{"type":"welcome","seat":1,"limits":{"relay":20}}`,
		"a peer without a nonce":   `{"type":"joined","peer":{"seat":1,"member":"a"}}`,
		"a peer without a seat":    `{"type":"joined","peer":{"member":"a","nonce":"MDEyMzQ1Njc4OWFiY2RlZg=="}}`,
		"a peer of a strange name": `{"type":"joined","peer":{"seat":1,"member":"a b","nonce":"MDEyMzQ1Njc4OWFiY2RlZg=="}}`,
		"nobody joined":            `{"type":"joined"}`,
		"a signal unsealed":        `{"type":"signal","from":1,"counter":1,"sealed":"AAAA"}`,
		"a signal from nobody":     `{"type":"signal","counter":1,"sealed":"MDEyMzQ1Njc4OWFiY2RlZg=="}`,
		"a counter beyond 2^53":    `{"type":"signal","from":1,"counter":9007199254740992,"sealed":"MDEyMzQ1Njc4OWFiY2RlZg=="}`,
		"two words":                `{"type":"pong"}{"type":"pong"}`,
	} {
		if m, err := DecodeTold([]byte(text)); !errors.Is(err, ErrMessage) {
			t.Errorf("%s: %+v, %v", why, m, err)
		}
	}
}

func TestNamesHaveAForm(t *testing.T) {
	for name, good := range map[string]bool{"a": true, "A-z_0.9": true, strings.Repeat("a", 64): true, "": false, strings.Repeat("a", 65): false, "a b": false, "ü": false, "a\x00b": false} {
		if err := CheckMember(name); (err == nil) != good {
			t.Errorf("member %q: %v", name, err)
		}
	}
	secret := []byte("0123456789abcdef")
	for name, good := range map[string]bool{"kitchen": true, "Küche 42": true, "": false, "a\nb": false, "\xff": false, strings.Repeat("a", 129): false} {
		if _, err := Derive(name, secret); (err == nil) != good {
			t.Errorf("room %q: %v", name, err)
		}
	}
	if _, err := Derive("kitchen", []byte("short")); !errors.Is(err, ErrSecret) {
		t.Errorf("a short secret: %v", err)
	}
}

func TestRoomsOfOneNameAndAnotherSecretDiffer(t *testing.T) {
	a, err := Derive("kitchen", []byte("0123456789abcdef"))
	must(t, err)
	b, err := Derive("kitchen", []byte("0123456789abcdeg"))
	must(t, err)
	c, err := Derive("cellar", []byte("0123456789abcdef"))
	must(t, err)
	if a.ID() == b.ID() || a.ID() == c.ID() || CheckID(a.ID()) != nil {
		t.Errorf("rooms %s, %s and %s", a, b, c)
	}
}

func TestOneCertificateIsNamedAndItIsTheSealedOne(t *testing.T) {
	const line = "a=fingerprint:sha-256 AB:CD\r\n"
	for _, c := range []struct {
		why, sdp, sealed string
		good             bool
	}{
		{"the same", "v=0\r\n" + line, "sha-256 AB:CD", true},
		{"twice the same, in small letters", "v=0\n" + line + "a=fingerprint:sha-256 ab:cd", "SHA-256 ab:cd", true},
		{"another", "v=0\r\na=fingerprint:sha-256 AB:CE\r\n", "sha-256 AB:CD", false},
		{"a second one", "v=0\r\n" + line + "a=fingerprint:sha-256 AB:CE\r\n", "sha-256 AB:CD", false},
		{"none", "v=0\r\n", "sha-256 AB:CD", false},
		{"of a weaker hash", "a=fingerprint:sha-1 AB:CD\r\n", "sha-1 AB:CD", false},
		{"none sealed", "v=0\r\n" + line, "", false},
	} {
		if err := CheckFingerprint(c.sdp, c.sealed); (err == nil) != c.good {
			t.Errorf("%s: %v", c.why, err)
		}
	}
}

func TestDoorsAreOfServersAndFew(t *testing.T) {
	server := ServerName("127.0.0.1:7001")
	many := make([]string, MaxDoors+1)
	for i := range many {
		many[i] = `"server-` + strings.Repeat("x", i) + `":"ws://a"`
	}
	w, err := DecodeWord([]byte(`{"kind":"doors","doors":{"` + server + `":"wss://a.example.org/here"}}`))
	if err != nil || !reflect.DeepEqual(w.Doors, Doors{server: "wss://a.example.org/here"}) {
		t.Errorf("%+v, %v", w, err)
	}
	for why, doors := range map[string]string{
		"of a window":     `"a1b2":"wss://a"`,
		"of another kind": `"` + server + `":"https://a"`,
		"nowhere":         `"` + server + `":"wss://"`,
		"no address":      `"` + server + `":"wss://%"`,
		"too long":        `"` + server + `":"wss://` + strings.Repeat("a", 250) + `"`,
		"too many":        strings.Join(many, ","),
	} {
		if w, err := DecodeWord([]byte(`{"kind":"doors","doors":{` + doors + `}}`)); !errors.Is(err, ErrMessage) {
			t.Errorf("%s: %+v, %v", why, w, err)
		}
	}
}

func TestWordsOfLaterVersionsAreNoError(t *testing.T) {
	if w, err := DecodeWord([]byte(`{"kind":"dance","speed":3}`)); err != nil || w.Kind != "dance" {
		t.Errorf("%+v, %v", w, err)
	}
	for _, bad := range []string{`{"kind":"offer","attempt":"12345678"}`, `{"kind":"candidate"}`, `[]`, ``} {
		if _, err := DecodeWord([]byte(bad)); !errors.Is(err, ErrMessage) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestEachFinalCodeClosesWithItsOwn(t *testing.T) {
	seen := map[int]Code{}
	for code, closed := range closeCodes {
		if other, twice := seen[closed]; twice || CodeOf(closed) != code || closed < 4000 || closed > 4999 {
			t.Errorf("%s closes with %d, as does %q", code, closed, other)
		}
		seen[closed] = code
	}
	if CodeOf(1000) != "" || Congested.CloseCode() != 0 || Displaced.Retry() || !Full.Retry() || !GoingAway.Retry() {
		t.Error("a code says what it should not")
	}
	if err := error(Fail(Full, "two are in it")); !errors.Is(err, Full) || errors.Is(err, TooFast) {
		t.Error("an error is not its code")
	}
}
