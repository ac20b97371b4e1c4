package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// KeyPrefix begins every API key, so that a scanner for leaked secrets recognizes one, and so that nothing else a
// client may send is ever looked up.
const KeyPrefix = "gk_"

// maxKeyBytes bounds what is hashed for a caller that nobody knows yet.
const maxKeyBytes = 256

// NewKey makes an API key of 256 random bits, and the hash to put into the secret.
func NewKey() (key, hash string) {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails; it ends the program instead
	key = KeyPrefix + base64.RawURLEncoding.EncodeToString(random[:])
	return key, HashKey(key)
}

// HashKey is how a key stands in the secret: the SHA-256 of all of it, in hexadecimal. A slow hash would protect
// passwords that people choose; keys are random, and nobody guesses 256 bits.
func HashKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// keyring is the content of the secret.
type keyring []entry

type entry struct {
	hash   [sha256.Size]byte
	tenant string
}

// find returns the tenant of a key. It compares the hash with every one there is, in constant time each, so the time
// it takes depends on their number alone: not on whether one fits, which, or how nearly. A secret holds at most 64 KiB
// and so less than a thousand hashes: some microseconds.
func (k keyring) find(key string) (tenant string, ok bool) {
	sum := sha256.Sum256([]byte(key))
	found := -1
	for i := range k {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(sum[:], k[i].hash[:]), i, found)
	}
	if found < 0 {
		return "", false
	}
	return k[found].tenant, true
}

// parse reads a secret. Its errors say where the fault is and never what stands there: somebody may have put the keys
// themselves in the place of their hashes.
func parse(secret []byte) (keyring, error) {
	var content struct {
		Tenants map[string]struct {
			Keys []string `json:"keys"`
		} `json:"tenants"`
	}
	if json.Unmarshal(secret, &content) != nil || content.Tenants == nil {
		return nil, errors.New(`the secret is not of the form {"tenants": {"<name>": {"keys": ["<SHA-256 of a key in hexadecimal>"]}}}`)
	}
	var ring keyring
	var problems []error
	owner := map[[sha256.Size]byte]string{}
	for tenant, t := range content.Tenants {
		if strings.TrimSpace(tenant) == "" {
			problems = append(problems, errors.New("the secret has a tenant without a name"))
		}
		for i, text := range t.Keys {
			e := entry{tenant: tenant}
			if n, err := hex.Decode(e.hash[:], []byte(text[:min(len(text), 2*sha256.Size)])); err != nil || n != sha256.Size || len(text) != 2*sha256.Size {
				problems = append(problems, fmt.Errorf("the secret's tenant %q: keys[%d] is not a SHA-256 in hexadecimal", tenant, i))
				continue
			}
			if other, taken := owner[e.hash]; taken && other != tenant {
				problems = append(problems, fmt.Errorf("the secret's tenants %q and %q share a key", tenant, other))
			}
			owner[e.hash] = tenant
			ring = append(ring, e)
		}
	}
	return ring, errors.Join(problems...)
}
