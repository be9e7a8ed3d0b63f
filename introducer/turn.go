package introducer

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"slices"
	"strconv"
	"time"

	"github.com/balsaraft/balsa/room"
)

// turnFor is how long credentials for TURN servers are good.
const turnFor = 24 * time.Hour

// iceServers are the servers that a member is told of. The credentials for TURN are
// those of coturn's use-auth-secret (draft-uberti-behave-turn-rest): a user name that
// expires, and its HMAC, for which the draft has SHA-1.
func (s *Service) iceServers(id room.ID, now time.Time) []room.ICEServer {
	servers := slices.Clone(s.opts.ICEServers)
	if len(s.opts.TURN) == 0 {
		return servers
	}
	user := strconv.FormatInt(now.Add(turnFor).Unix(), 10) + ":" + string(id)
	mac := hmac.New(sha1.New, s.opts.TURNSecret)
	mac.Write([]byte(user))
	return append(servers, room.ICEServer{
		URLs: s.opts.TURN, Username: user, Credential: base64.StdEncoding.EncodeToString(mac.Sum(nil)),
	})
}
