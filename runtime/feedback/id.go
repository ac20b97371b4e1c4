package feedback

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"
)

// Prefix begins every id.
const Prefix = "fb_"

// An id is, in base64url: the time of the answer in Unix seconds, the request's id, the alias behind its
// length, and a message authentication code of all that and of the tenant, who is not in it. The code is HMAC-SHA-256
// cut to 128 bits: nobody finds one by trying against a gateway.
const (
	timeBytes   = 4
	idBytes     = 12
	macBytes    = 16
	headBytes   = timeBytes + idBytes + 1 // the last is the alias's length
	maxAlias    = 255
	maxTokenLen = 512 // of the text; more than the longest id has
)

// purpose keeps the codes apart from whatever else the secret may one day be used for, such as ids of another form.
const purpose = "genai-pipeline feedback id, form 1\x00"

// encoding is strict, so that an answer has one id and not several that mean the same.
var encoding = base64.RawURLEncoding.Strict()

// seal makes the id of an answer; empty when the answer has no form that an id can hold.
func seal(secret []byte, of Answer, at time.Time) string {
	request, err := hex.DecodeString(of.RequestID)
	if err != nil || len(request) != idBytes || len(of.Alias) > maxAlias {
		return ""
	}
	plain := make([]byte, 0, headBytes+len(of.Alias)+macBytes)
	plain = binary.BigEndian.AppendUint32(plain, uint32(at.Unix())) // until the year 2106
	plain = append(plain, request...)
	plain = append(append(plain, byte(len(of.Alias))), of.Alias...)
	return Prefix + encoding.EncodeToString(append(plain, code(secret, plain, of.Tenant)...))
}

// open returns what an id says of its answer, and whether it was made with the secret for the tenant.
func open(secret []byte, id, tenant string) (of Answer, at time.Time, ok bool) {
	text, ok := strings.CutPrefix(id, Prefix)
	if !ok || len(text) > maxTokenLen {
		return Answer{}, time.Time{}, false
	}
	all, err := encoding.DecodeString(text)
	if err != nil || len(all) < headBytes+macBytes {
		return Answer{}, time.Time{}, false
	}
	plain, mac := all[:len(all)-macBytes], all[len(all)-macBytes:]
	if !hmac.Equal(mac, code(secret, plain, tenant)) || len(plain) != headBytes+int(plain[headBytes-1]) {
		return Answer{}, time.Time{}, false
	}
	of = Answer{
		RequestID: hex.EncodeToString(plain[timeBytes : headBytes-1]),
		Alias:     string(plain[headBytes:]),
		Tenant:    tenant,
	}
	return of, time.Unix(int64(binary.BigEndian.Uint32(plain)), 0), true
}

// code authenticates an id for a tenant. The alias's length stands before it, so no other pair of alias and tenant makes
// the same message.
func code(secret, plain []byte, tenant string) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(purpose))
	mac.Write(plain)
	mac.Write([]byte(tenant))
	return mac.Sum(nil)[:macBytes]
}
