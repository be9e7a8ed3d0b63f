package introducer

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/balsaraft/balsa/room"
)

// Token lets someone into a room of an introducer that asks for one. Whoever shares the
// introducer's key makes them, as a team's own web server may.
type Token struct {
	Room    room.ID
	Member  string    // who may use it; "" is anyone
	Expires time.Time // at most a day ahead
	ID      string    // 16 to 64 characters; a token is good once
	Many    bool      // a token is good until it expires
}

// claims is how a token's content is written.
type claims struct {
	Room    room.ID `json:"room"`
	Member  string  `json:"member,omitempty"`
	Expires int64   `json:"expires"`
	ID      string  `json:"id"`
	Many    bool    `json:"many,omitempty"`
}

const (
	tokenPrefix = "balsa1."
	// longestToken is how far ahead a token may expire: for as long, used ones are
	// remembered.
	longestToken = 24 * time.Hour
	// resumeFor is how long a member may come back without a token of its own.
	resumeFor = longestToken
	// leeway is how much later than ours the clock of who makes tokens may be.
	leeway = time.Minute
	// maxUsed bounds how many used tokens are remembered.
	maxUsed = 1 << 20
)

var url64 = base64.RawURLEncoding

// freshID is an identity for a token.
func freshID() string { return rand.Text() }

// NewToken is a token that is good once, for a time.
func NewToken(id room.ID, member string, lasts time.Duration) Token {
	return Token{Room: id, Member: member, Expires: time.Now().Add(lasts), ID: freshID()}
}

// Sign writes a token down.
func (t Token) Sign(key []byte) string {
	content, err := json.Marshal(claims{t.Room, t.Member, t.Expires.Unix(), t.ID, t.Many})
	if err != nil {
		panic("introducer: encode a token: " + err.Error())
	}
	body := url64.EncodeToString(content)
	return tokenPrefix + body + "." + url64.EncodeToString(signature(key, body))
}

func signature(key []byte, body string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("balsa room token 1\x00" + body))
	return mac.Sum(nil)
}

// readToken takes a token apart, if it was signed with the key.
func readToken(key []byte, text string) (claims, bool) {
	body, signed, ok := strings.Cut(strings.TrimPrefix(text, tokenPrefix), ".")
	if !ok || !strings.HasPrefix(text, tokenPrefix) {
		return claims{}, false
	}
	mac, err := url64.DecodeString(signed)
	if err != nil || !hmac.Equal(mac, signature(key, body)) {
		return claims{}, false
	}
	content, err := url64.DecodeString(body)
	if err != nil {
		return claims{}, false
	}
	var c claims
	return c, json.Unmarshal(content, &c) == nil && len(c.ID) >= 16 && len(c.ID) <= 64
}

// tokens checks tokens, and remembers those that are good once. Any goroutine may use
// it. A nil one lets everybody in.
type tokens struct {
	key []byte

	mu   sync.Mutex
	used map[string]int64 // when they expire
	tidy int64            // when expired ones were last thrown away
}

func newTokens(key []byte) *tokens { return &tokens{key: key, used: map[string]int64{}} }

// check says whether a hello may come in, and uses its token up. It returns the
// identity of a token that was good once.
func (ts *tokens) check(hello room.Said, now time.Time) (used string, err error) {
	if ts == nil {
		return "", nil
	}
	if hello.Token == "" {
		return "", room.Fail(room.TokenMissing, "this introducer lets nobody in without a token")
	}
	c, ok := readToken(ts.key, hello.Token)
	switch {
	case !ok:
		return "", room.Fail(room.TokenWrong, "the token was not made for this introducer")
	case c.Room != hello.Room:
		return "", room.Fail(room.TokenWrong, "the token is for another room")
	case c.Member != "" && c.Member != hello.Member:
		return "", room.Fail(room.TokenWrong, "the token is for another member")
	case now.Unix() >= c.Expires:
		return "", room.Fail(room.TokenExpired, "the token expired %v ago", now.Sub(time.Unix(c.Expires, 0)).Round(time.Second))
	case c.Expires > now.Add(longestToken+leeway).Unix():
		return "", room.Fail(room.TokenWrong, "the token is good for longer than %v, which none may be", longestToken)
	case c.Many:
		return "", nil
	}
	return c.ID, ts.use(c, now.Unix())
}

func (ts *tokens) use(c claims, now int64) error {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if now-ts.tidy > 60 {
		ts.tidy = now
		maps.DeleteFunc(ts.used, func(_ string, expires int64) bool { return expires <= now })
	}
	if _, used := ts.used[c.ID]; used {
		return room.Fail(room.TokenUsed, "the token was used already, and is good once")
	}
	if len(ts.used) >= maxUsed {
		return room.Fail(room.Busy, "too many tokens are in use at this time")
	}
	ts.used[c.ID] = c.Expires
	return nil
}

// giveBack makes a token good again, whose bearer could not come in.
func (ts *tokens) giveBack(id string) {
	if ts == nil {
		return
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	delete(ts.used, id)
}
