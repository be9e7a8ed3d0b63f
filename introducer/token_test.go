package introducer

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/balsaraft/balsa/room"
)

var update = flag.Bool("update", false, "write testdata/tokens.json anew")

var tokenKey = []byte("a key of thirty-two random bytes")

func TestTokensOpenTheDoorOnceToWhomTheyAreFor(t *testing.T) {
	now := time.Now()
	id := func(n int) string { return strings.Repeat("0123456789abcdef", n) }
	good := Token{Room: kitchen, Member: "a", Expires: now.Add(time.Minute), ID: id(1)}
	with := func(change func(*Token)) Token {
		t := good
		change(&t)
		return t
	}
	for why, c := range map[string]struct {
		token string
		want  room.Code
	}{
		"for this member of this room":  {good.Sign(tokenKey), ""},
		"for any member":                {with(func(t *Token) { t.Member = "" }).Sign(tokenKey), ""},
		"none":                          {"", room.TokenMissing},
		"no token at all":               {"let me in", room.TokenWrong},
		"of another key":                {good.Sign([]byte("another key of 32 random bytes!!")), room.TokenWrong},
		"with a claim that was changed": {forged(good), room.TokenWrong},
		"without a signature":           {strings.TrimRight(good.Sign(tokenKey)[:len(good.Sign(tokenKey))-43], "."), room.TokenWrong},
		"for another room":              {with(func(t *Token) { t.Room = "ffffffffffffffffffffffffffffffff" }).Sign(tokenKey), room.TokenWrong},
		"for another member":            {with(func(t *Token) { t.Member = "b" }).Sign(tokenKey), room.TokenWrong},
		"expired":                       {with(func(t *Token) { t.Expires = now.Add(-time.Minute) }).Sign(tokenKey), room.TokenExpired},
		"good for a week":               {with(func(t *Token) { t.Expires = now.Add(7 * 24 * time.Hour) }).Sign(tokenKey), room.TokenWrong},
		"with a short identity":         {with(func(t *Token) { t.ID = "x" }).Sign(tokenKey), room.TokenWrong},
		"with a long identity":          {with(func(t *Token) { t.ID = id(5) }).Sign(tokenKey), room.TokenWrong},
	} {
		t.Run(why, func(t *testing.T) {
			hello := helloOf(kitchen, "a")
			hello.Token = c.token
			_, err := newTokens(tokenKey).check(hello, now)
			var e *room.Error
			if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, c.want) || !errors.As(err, &e) || e.Message == "") {
				t.Errorf("answered %v, want %q", err, c.want)
			}
		})
	}
}

// forged is a token whose bearer made it last longer.
func forged(t Token) string {
	honest, more := t.Sign(tokenKey), t
	more.Expires = t.Expires.Add(time.Hour)
	other := more.Sign([]byte("another key of 32 random bytes!!"))
	return other[:strings.LastIndex(other, ".")] + honest[strings.LastIndex(honest, "."):]
}

func TestAUsedTokenIsForgottenWhenItHasExpired(t *testing.T) {
	ts, now := newTokens(tokenKey), time.Unix(1_800_000_000, 0)
	hello := helloOf(kitchen, "a")
	for range 1000 {
		hello.Token = Token{Room: kitchen, Expires: now.Add(5 * time.Minute), ID: freshID()}.Sign(tokenKey)
		if _, err := ts.check(hello, now); err != nil {
			t.Fatal(err)
		}
		if _, err := ts.check(hello, now.Add(time.Second)); !errors.Is(err, room.TokenUsed) {
			t.Fatalf("a token was good twice: %v", err)
		}
		now = now.Add(10 * time.Second)
	}
	if len(ts.used) > 60 {
		t.Errorf("%d tokens are remembered, of which 30 have not expired", len(ts.used))
	}
}

func TestATokenIsGoodOnceAndTheWelcomeBringsAnotherForComingBack(t *testing.T) {
	token := Token{Room: kitchen, ID: freshID()}
	var resume string
	inWorld(t, Options{TokenKey: tokenKey, MaxMembers: 1}, func(t *testing.T, w *world) {
		token.Expires = time.Now().Add(time.Minute)
		knock := func(name, token string) *member {
			hello := helloOf(kitchen, name)
			hello.Token = token
			m := w.connect()
			m.say(hello)
			return m
		}
		knock("a", "").parted(room.TokenMissing)
		a := knock("a", token.Sign(tokenKey))
		resume = a.told(room.TypeWelcome).Resume
		knock("b", token.Sign(tokenKey)).parted(room.TokenUsed)
		knock("b", resume).parted(room.TokenWrong)

		// Who is turned away at a full room may use the token when there is a place.
		second := Token{Room: kitchen, Expires: time.Now().Add(time.Minute), ID: freshID()}.Sign(tokenKey)
		knock("b", second).parted(room.Full)
		must(t, a.conn.Close(websocket.StatusNormalClosure, ""))
		time.Sleep(time.Second)
		knock("b", second).told(room.TypeWelcome)
	})
	// An introducer that was restarted knows the key, and nothing else.
	inWorld(t, Options{TokenKey: tokenKey}, func(t *testing.T, w *world) {
		for range 3 {
			hello := helloOf(kitchen, "a")
			hello.Token = resume
			m := w.connect()
			m.say(hello)
			m.told(room.TypeWelcome)
		}
	})
}

// Others make tokens, too: the file shows them how, to the byte.
func TestTokensAreThoseOfTheVectors(t *testing.T) {
	file := filepath.Join("testdata", "tokens.json")
	token := Token{Room: kitchen, Member: "a1b2", Expires: time.Unix(1_795_000_000, 0), ID: "0123456789abcdef"}
	now, err := json.MarshalIndent(map[string]string{
		"key": string(tokenKey), "once": token.Sign(tokenKey),
		"many": Token{Room: token.Room, Expires: token.Expires, ID: token.ID, Many: true}.Sign(tokenKey),
	}, "", "  ")
	must(t, err)
	now = append(now, '\n')
	if *update {
		must(t, os.WriteFile(file, now, 0o644))
	}
	written, err := os.ReadFile(file)
	must(t, err)
	if !bytes.Equal(now, written) {
		t.Errorf("%s says otherwise:\n%s", file, now)
	}
}

func FuzzReadToken(f *testing.F) {
	f.Add(Token{Room: kitchen, ID: "0123456789abcdef"}.Sign(tokenKey))
	f.Add("balsa1.e30.")
	f.Fuzz(func(t *testing.T, text string) {
		if c, ok := readToken(tokenKey, text); ok {
			again := Token{Room: c.Room, Member: c.Member, Expires: time.Unix(c.Expires, 0), ID: c.ID, Many: c.Many}.Sign(tokenKey)
			if d, ok := readToken(tokenKey, again); !ok || d != c {
				t.Errorf("%+v came back as %+v", c, d)
			}
		}
	})
}
