//go:build unix

// Agent is an agent of the licensing service in one file, with the standard library alone: a model
// for the page shared/licensing_agent/OTHER_LANGUAGES.md, whose steps its comments name. Build it
// with `go build agent.go`, or together with vectors.go: then it can check itself by the vectors.
// `agent --help` says how to use it.
//
// It comes in this order: JSON; the machine; leases, proofs and keys; the heart, which makes the
// next state of a state and an answer, and touches nothing else; asking; network, files, and clock.
//
// It leaves to the service what step 2 calls optional: what unrelated computers share, what is made
// up, default names, and the rank of addresses. So it is less strict where it compares its own
// machine then and now (step 10). There alone, NFKC and full case folding are wanted, which the
// standard library does not have: see fold. Left out are, too: temporary licenses and keys that a
// person types, a proof of an older device key (DPoP-Previous-Key), an exact time at SIGTERM, and
// Windows, where LockFileEx takes the place of flock.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	random "math/rand"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// parse reads JSON strictly (step 7). What is no JSON is nil, and so is what has a name twice in an
// object: encoding/json would take the last. Numbers stay as they are written, as json.Number.
func parse(raw []byte) (value any) {
	if !json.Valid(raw) || !utf8.Valid(raw) || repeats(reader(raw)) {
		return nil
	}
	_ = reader(raw).Decode(&value) // no error: it is valid
	return value
}

func reader(raw []byte) *json.Decoder {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	return decoder
}

func repeats(valid *json.Decoder) (twice bool) {
	token, _ := valid.Token()
	if token != json.Delim('{') && token != json.Delim('[') {
		return false
	}
	for names := map[any]bool{}; valid.More(); {
		if token == json.Delim('{') {
			name, _ := valid.Token()
			twice, names[name] = twice || names[name], true
		}
		twice = repeats(valid) || twice
	}
	_, _ = valid.Token()
	return twice
}

// at follows names into an object: at(answer, "lease", "token"). What is not there is nil.
func at(value any, names ...string) any {
	for _, name := range names {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

func text(value any, names ...string) string { s, _ := at(value, names...).(string); return s }

func list(value any, names ...string) []any { l, _ := at(value, names...).([]any); return l }

func integer(value any, name string) (int64, bool) {
	number, _ := at(value, name).(json.Number)
	n, err := strconv.ParseInt(string(number), 10, 64)
	return n, err == nil
}

func base64url(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func digest(s string) string { sum := sha256.Sum256([]byte(s)); return base64url(sum[:]) }

func draw() string {
	raw := make([]byte, 16)
	if _, err := rand.Read(raw); err != nil {
		panic(err) // nothing is safe without it
	}
	return base64url(raw)
}

// ---- The machine (step 2) ----

func thisMachine() any {
	id, _ := os.ReadFile("/etc/machine-id")
	name, _ := os.Hostname()
	adapters, _ := net.Interfaces()
	addresses := []any{}
	for _, adapter := range adapters {
		addresses = append(addresses, adapter.HardwareAddr.String())
	}
	return map[string]any{"machine_id": strings.TrimSpace(string(id)), "computer_name": name,
		"mac_addresses": addresses}
}

// canonical is a machine as it is sent, and digested: ASCII, names in order, and no blanks. (Where
// a name has \b or \f in it, that takes Go 1.22: before, encoding/json wrote them otherwise.)
func canonical(machine any) string {
	var sorted, ascii strings.Builder
	encoder := json.NewEncoder(&sorted)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(map[string]any{"machine_id": at(machine, "machine_id"),
		"mac_addresses": append([]any{}, list(machine, "mac_addresses")...),
		"computer_name": at(machine, "computer_name")})
	for _, r := range strings.TrimSpace(sorted.String()) {
		if r < 0x7f {
			ascii.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&ascii, `\u%04x`, unit)
		}
	}
	return ascii.String()
}

// fold does what the standard library can of NFKC and case folding. For all of it: norm.NFKC and
// cases.Fold of golang.org/x/text.
func fold(s string) string {
	return strings.ReplaceAll(strings.ToLower(strings.ToUpper(s)), "ß", "ss")
}

type component struct{ kind, value string }

var (
	between = regexp.MustCompile(`[\s:.-]`)
	address = regexp.MustCompile(`^[0-9a-f][02468ace][0-9a-f]{10}$`) // and not of a group
	others  = regexp.MustCompile(`[^\p{L}\p{N}]`)
)

// normal has the components of a machine in their normal form, and whether each counts.
func normal(machine any) map[component]bool {
	counts := map[component]bool{}
	for _, sent := range list(machine, "mac_addresses") {
		mac := between.ReplaceAllString(fold(text(sent)), "")
		counts[component{"address", mac}] = address.MatchString(mac) && strings.Trim(mac, "0") != ""
	}
	id := others.ReplaceAllString(fold(text(machine, "machine_id")), "")
	counts[component{"id", id}] = id != ""
	name := strings.TrimRight(strings.TrimSpace(fold(text(machine, "computer_name"))), ".")
	if net.ParseIP(name) == nil {
		name, _, _ = strings.Cut(name, ".")
	}
	counts[component{"name", name}] = name != ""
	return counts
}

// same tells whether two of the three components are the same (step 10).
func same(one, other any) bool {
	inOther, kinds := normal(other), map[string]bool{}
	for component, counts := range normal(one) {
		if counts && inOther[component] {
			kinds[component.kind] = true
		}
	}
	return len(kinds) >= 2
}

// ---- Leases, proofs, keys (steps 3, 4, 5 and 7) ----

// lease has beside its token what it was asked for: so a stored one is checked like a new one.
type lease struct {
	Token, Machine string
	Want           map[string]any // the claims that it has to have
	ID             string         // what it has, once it is checked: jti, iat and exp
	Begins, Ends   int64
}

func (l lease) covers(now int64) bool { return l.Begins <= now && now < l.Ends }

// check returns "" if the lease holds, else the reason: "over" if all but its end is right.
func (l *lease) check(jwks any, now int64) string {
	parts, raw := strings.Split(l.Token, "."), [3][]byte{}
	if len(parts) != 3 || len(l.Token) > 4096 {
		return "malformed"
	}
	for i, part := range parts {
		raw[i], _ = base64.RawURLEncoding.DecodeString(part)
		if base64url(raw[i]) != part { // the decoder alone passes over line ends and spare bits
			return "malformed"
		}
	}
	header, _ := parse(raw[0]).(map[string]any)
	claims, key := parse(raw[1]), keyOf(jwks, text(header, "kid"))
	begins, whole := integer(claims, "iat")
	ends, wholeToo := integer(claims, "exp")
	_, primary := at(claims, "primary").(bool)
	_, id := at(claims, "jti").(string)
	texts := !slices.ContainsFunc([]string{"sub", "organization_id", "environment", "kind"},
		func(name string) bool { _, text := at(claims, name).(string); return !text })
	for _, condition := range []struct {
		reason string
		holds  bool
	}{
		{"malformed", len(header) == 3 && claims != nil},
		{"wrong_algorithm", header["alg"] == "Ed25519"},
		{"wrong_type", header["typ"] == "lease+jwt"},
		{"unknown_key", len(key) == ed25519.PublicKeySize},
		{"wrong_signature", len(key) == ed25519.PublicKeySize &&
			ed25519.Verify(key, []byte(parts[0]+"."+parts[1]), raw[2])},
		{"malformed", whole && wholeToo && 0 <= begins && begins <= ends && texts && primary &&
			(id || at(claims, "jti") == nil)},
		{"wrong_issuer", at(claims, "iss") == l.Want["iss"]},
		{"wrong_license", at(claims, "sub") == l.Want["sub"]},
		{"wrong_organization", at(claims, "organization_id") == l.Want["organization_id"]},
		{"wrong_environment", at(claims, "environment") == l.Want["environment"]},
		{"wrong_machine", at(claims, "machine_thumbprint") == l.Want["machine_thumbprint"]},
		{"wrong_nonce", at(claims, "nonce") == l.Want["nonce"]},
		{"not_yet", begins <= now},
	} {
		if !condition.holds {
			return condition.reason
		}
	}
	if l.ID, l.Begins, l.Ends = text(claims, "jti"), begins, ends; now >= ends {
		return "over"
	}
	return ""
}

// keyOf finds the key of this id: the thumbprint of RFC 7638.
func keyOf(jwks any, kid string) ed25519.PublicKey {
	for _, key := range list(jwks, "keys") {
		x, _ := base64.RawURLEncoding.DecodeString(text(key, "x"))
		if text(key, "kid") == kid && at(key, "crv") == "Ed25519" && digest(jwk(x)) == kid {
			return x
		}
	}
	return nil
}

func jwk(key ed25519.PublicKey) string {
	return `{"crv":"Ed25519","kty":"OKP","x":"` + base64url(key) + `"}`
}

// public is the public key as JSON, whose digest is also its thumbprint (step 3).
func public(device ed25519.PrivateKey) string { return jwk(device.Public().(ed25519.PublicKey)) }

func sign(device ed25519.PrivateKey, header, claims string) string {
	input := base64url([]byte(header)) + "." + base64url([]byte(claims))
	return input + "." + base64url(ed25519.Sign(device, []byte(input)))
}

// proof shows, for one request, that this agent holds its device key (step 4).
func proof(device ed25519.PrivateKey, url, credential, body, nonce string, now int64) string {
	claims, _ := json.Marshal(map[string]any{"jti": draw(), "htm": "POST", "htu": url,
		"iat": now, "ath": digest(credential), "htb": digest(body), "nonce": nonce})
	header := `{"alg":"Ed25519","jwk":` + public(device) + `,"typ":"dpop+jwt"}`
	return sign(device, header, string(claims))
}

var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ")

// licenseOf is the id of the license that a key is for; nil if the key's check digits are wrong.
func licenseOf(key string) any {
	raw, err := crockford.DecodeString("000" + strings.ReplaceAll(key, "-", ""))
	number := new(big.Int).SetBytes(raw)
	if err != nil || len(raw) != 30 || new(big.Int).Mod(number, big.NewInt(1021)).Sign() != 0 {
		return nil
	}
	above := number.Rsh(number, 138).FillBytes(make([]byte, 30))
	return "lic_" + strings.ToLower(crockford.EncodeToString(above[20:]))
}

// ---- The heart: from a state, by an answer, to the next state (steps 5 to 10) ----

// state is all that the agent keeps on disk but its device key.
type state struct {
	JWKS                  any
	Key, Device           string // the license key; the thumbprint of the device key of its login
	Lease                 lease  // the last one: it is presented also after the agent has stopped
	Works                 bool   // whether the agent works on it
	Doubted               bool   `json:"-"` // it did not hold here when this process started
	Next                  string // "validate", "login", "login with key"; at once: "fetch keys"
	Nonce                 string // of the question that is not answered yet
	Asked                 int64  // when it was drawn
	Failures              int    // since the last valid validation
	Unproved, Late        bool   // not valid since the login; the last lease was over when it came
	Due                   int64  // when to ask next
	Latest, Server, Clock int64  // the latest time known; at the last contact, by both clocks
	Answer, Code, Message string // Answer: "valid", "refused", "signed_out", or "" for none
}

// question is what is asked, with what its answer has to have.
type question struct {
	login, withKey, fetched                    bool
	path, credential, body, key, device, nonce string
	lease                                      lease
}

// answer is what came, at this time of the machine's clock. Its status is 0 if none came.
type answer struct {
	status int
	header http.Header
	body   any
	clock  int64
}

func (s state) works(now int64) bool { return s.Works && !s.Doubted && s.Lease.covers(now) }

// standing is the agent's state in one word ("What comes of each answer").
func (s state) standing(now int64) string {
	switch {
	case s.works(now) && s.Answer != "valid":
		return "grace"
	case s.works(now) || s.Answer == "refused" || s.Answer == "signed_out":
		return s.Answer
	case s.Key != "":
		return "unreachable"
	}
	return "signed_out"
}

const noAnswer = "The service cannot be reached."

var word = regexp.MustCompile(`^\w+$`)

// later is when to ask again after a refusal, by a chance from 0 to 1.
func later(now int64, chance float64) int64 { return now + 450 + int64(900*chance) }

// after is the state that follows from an answer.
func (s state) after(q question, a answer, now int64, chance float64) state {
	if q.login {
		return s.afterLogin(q, a, now, chance)
	}
	return s.afterValidation(q, a, now, chance)
}

// afterValidation does what the service has decided (step 9).
func (s state) afterValidation(q question, a answer, now int64, chance float64) state {
	code, action, message := text(a.body, "code"), text(a.body, "action"), text(a.body, "message")
	valid, decided := at(a.body, "valid").(bool)
	blocked := slices.Contains([]string{"DETACHED", "SUSPENDED", "EXPIRED"}, code)
	switch {
	case a.status != 200 || !decided || !word.MatchString(code) || at(a.body, "nonce") != q.nonce ||
		valid != (code == "VALID") || valid != (at(a.body, "lease") != nil):
		return s.failed(a, now, chance, noAnswer)
	case valid:
		return s.granted(q, a, now, chance)
	case action == "login" && strings.HasPrefix(code, "PROOF_"): // dropped on the way, perhaps
		next := s.failed(a, now, chance, message)
		next.Code = code
		if !s.works(now) || code == "PROOF_INVALID" && s.Device != q.device {
			if next.Next = "login with key"; s.Failures == 0 {
				next.Due = now
			}
		}
		return next
	case action == "login" && !blocked:
		s.Due = now
		if code != "MACHINE_MISMATCH" && code != "DISSOCIATED" {
			s.Key, s.Next = "", "login"
		} else if s.Next != "login" { // with the key, unless that was in vain
			s.Next = "login with key"
		}
		if s.Unproved {
			s.Due = later(now, chance)
		}
	case action == "logout":
		s.Due = later(now, chance)
	default:
		return s.failed(a, now, chance, noAnswer)
	}
	s.Works, s.Nonce, s.Answer, s.Code, s.Message = false, "", "refused", code, message
	return s
}

// afterLogin takes over a license, or tells why there is none (steps 5 and 9).
func (s state) afterLogin(q question, a answer, now int64, chance float64) state {
	code, detail := text(a.body, "code"), text(a.body, "detail")
	status, _ := integer(a.body, "status")
	about := func(pointer string) bool {
		return slices.ContainsFunc(list(a.body, "errors"), func(e any) bool {
			return at(e, "pointer") == pointer
		})
	}
	switch {
	case a.status == 200 || a.status == 201:
		q.key = text(a.body, "license_key")
		q.lease.Want["sub"] = licenseOf(q.key)
		q.lease.Want["organization_id"] = at(a.body, "license", "organization_id")
		if q.lease.Want["sub"] != at(a.body, "license", "id") {
			return s.failed(a, now, chance, "The license key was changed on the way.")
		}
		return s.granted(q, a, now, chance)
	case a.status == 401 && text(a.body, "message") == "Unauthorized":
		detail = "The service does not accept the ID token."
	case a.status < 400 || a.status > 499 || slices.Contains([]int{408, 425, 429}, a.status) ||
		code == "" || code == "use_dpop_nonce" || status != int64(a.status) ||
		at(a.body, "type") != "urn:licensing:problem:"+code:
		return s.failed(a, now, chance, noAnswer)
	case code == "proof_required" || about("/headers/dpop"):
		return s.failed(a, now, chance, detail)
	case q.withKey && (code == "license_still_bound" || code == "temporary_license_not_usable" ||
		code == "on_behalf_login_disabled" || code == "not_found" && about("/license_key") ||
		code == "invalid_request" && about("/environment") &&
			s.Lease.Want["environment"] != q.lease.Want["environment"]):
		s.Next, s.Due, s.Answer, s.Code, s.Message = "login", now+2, "", code, detail
		return s
	}
	if s.Due = later(now, chance); a.status == 401 {
		s.Due = now + 60
	}
	s.Answer, s.Code, s.Message = "refused", code, detail
	return s
}

// granted takes over what a lease proves, and nothing else (steps 7, 8 and 10).
func (s state) granted(q question, a answer, now int64, chance float64) state {
	server, _ := time.Parse(time.RFC3339, text(a.body, "server_time"))
	heldBack := now-s.Asked > 300 && now-server.Unix() > 300 // then its time may be an old one
	if !heldBack {
		now = server.Unix()
	}
	q.lease.Token = text(a.body, "lease", "token")
	wrong := q.lease.check(s.JWKS, now)
	if wrong == "unknown_key" && !q.fetched {
		s.Next, s.Due = "fetch keys", now
		return s
	}
	if wrong != "" && wrong != "over" {
		return s.failed(a, now, chance, "The lease does not hold: "+wrong+".")
	}
	late := wrong == "over"
	twice := late && s.Late
	s.Key, s.Lease, s.Works, s.Late, s.Doubted = q.key, q.lease, !late, late, false
	s.Next, s.Nonce, s.Due, s.Unproved = "validate", "", now, q.login || s.Unproved
	s.Answer, s.Code, s.Message = "", "", ""
	if q.login {
		s.Device = q.device
	}
	if !heldBack {
		s.Latest, s.Server, s.Clock = now, now, a.clock
	}
	if twice {
		return s.failed(a, now, chance, "The lease is over already.")
	}
	if !late && !q.login && !heldBack { // else ask once more, at once
		half := s.Lease.Begins + (s.Lease.Ends-s.Lease.Begins)/2
		s.Due = half + int64(chance*float64(s.Lease.Ends-half)/4)
		s.Answer, s.Code, s.Message = "valid", "VALID", text(a.body, "message")
		s.Failures, s.Unproved = 0, false
	}
	return s
}

// failed is for what is no answer: it is no refusal, and takes none back (step 10).
func (s state) failed(a answer, now int64, chance float64, why string) state {
	left, longest := int64(86400), int64(600)
	if s.works(now) {
		left = s.Lease.Ends - now
	}
	if s.Failures < 9 {
		longest = 2 << s.Failures
	}
	retry := a.header.Get("Retry-After")
	asked, err := strconv.ParseInt(retry, 10, 64)
	if until, notDate := http.ParseTime(retry); err != nil && notDate == nil {
		date, _ := http.ParseTime(a.header.Get("Date"))
		asked = until.Unix() - date.Unix()
	}
	s.Due = now + min(max(asked, 0), 1800, left/8) +
		int64(chance*float64(min(longest, max(2, left/8))+1))
	s.Failures++
	if s.Answer != "refused" {
		if why == noAnswer && a.status != 0 {
			why = fmt.Sprintf("%s What answers has the status %d.", noAnswer, a.status)
		}
		s.Answer, s.Code, s.Message = "", "", why
	} else if why != noAnswer { // what the service has said last says more
		s.Message = why
	}
	return s
}

// ---- Asking: one question after the other, each with one nonce until it is answered ----

// agent is the state, and what it works with. The vectors put a story in place of disk and network.
type agent struct {
	state
	url, issuer, environment, token, machine string
	fresh                                    string // the service's latest nonce (step 4)
	reserve                                  int64  // how far the stored time is ahead (step 10)
	device                                   ed25519.PrivateKey
	clock                                    func() int64
	draw                                     func() string
	store                                    func(state) error
	send                                     func(method, path, body string, h http.Header) answer
}

// ask makes the question of a login (step 5) or a validation (step 6).
func (a *agent) ask(login bool, now int64) question {
	organization := a.Lease.Want["organization_id"]
	want := map[string]any{"iss": a.issuer, "sub": a.Lease.Want["sub"],
		"organization_id": organization, "environment": a.environment,
		"machine_thumbprint": digest(a.machine)}
	body := map[string]any{"machine": json.RawMessage(a.machine), "environment": a.environment,
		"agent_version": "1.0.0.0"}
	q := question{login: login, withKey: login && a.Next == "login with key", key: a.Key,
		device: digest(public(a.device)), lease: lease{Machine: a.machine, Want: want}}
	if login {
		q.path, q.credential = "/v1/licenses", a.token
	} else {
		q.path, q.credential, body["organization_id"] = "/v1/licenses/validate", a.Key, organization
	}
	if !login || q.withKey {
		body["license_key"] = a.Key
	}
	if a.Lease.Token != "" {
		body["lease"] = a.Lease.Token
	}
	if a.Nonce == "" {
		a.Nonce, a.Asked = a.draw(), now
	}
	q.nonce, body["nonce"], want["nonce"] = a.Nonce, a.Nonce, a.Nonce
	raw, _ := json.Marshal(body)
	q.body = string(raw)
	return q
}

// step asks once what is next, and keeps what follows.
func (a *agent) step(now int64, chance float64) {
	// Without a person: validate while a lease holds; else ask for a person and validate in turns.
	login := a.Key == "" || a.Next != "validate" &&
		(a.token != "" || !a.works(now) && a.Answer != "signed_out")
	if login && a.token == "" {
		a.Answer, a.Code, a.Due = "signed_out", "", later(now, chance)
		a.Message = "Log in: set ID_TOKEN to a person's ID token."
		return
	}
	if at(a.JWKS, "issuer") != a.issuer {
		keys, why := a.fetchKeys(), noAnswer
		if named := text(keys, "issuer"); named == a.issuer {
			a.JWKS = keys
		} else {
			if named != "" {
				why = fmt.Sprintf("The agent's issuer is %q, the service's %q.", a.issuer, named)
			}
			a.state = a.failed(answer{}, now, chance, why)
			return
		}
	}
	q := a.ask(login, now)
	if a.store(a.state) != nil { // or it would ask with another nonce after a restart (step 6)
		a.state = a.failed(answer{}, now, chance, "The state cannot be stored.")
		return
	}
	got := a.prove(q, now)
	next := a.after(q, got, now, chance)
	if next.Next == "fetch keys" {
		newer := a.state
		newer.JWKS, q.fetched = a.fetchKeys(), true
		if next = newer.after(q, got, now, chance); next.Failures > a.Failures {
			next.JWKS = a.JWKS // those that prove nothing are not kept
		}
	}
	if a.state = next; login && (next.Next == "validate" || next.Answer == "refused") {
		a.token = "" // forget it: it has done what it can
	}
	if a.store(a.state) != nil {
		a.Message = "The state cannot be stored. " + a.Message
	}
}

// prove sends a question with a proof, and again with the nonce that the service asks for (step 4).
func (a *agent) prove(q question, now int64) (got answer) {
	nonce := a.fresh
	if !q.login && a.Lease.ID != "" && a.Lease.covers(now) {
		if nonce = a.Lease.ID; now < (a.Lease.Begins+a.Lease.Ends)/2 {
			nonce += ".early"
		}
	}
	for try := 0; try < 3; try++ {
		header := http.Header{"Content-Type": {"application/json"}}
		header.Set("DPoP", proof(a.device, a.url+q.path, q.credential, q.body, nonce, now))
		if q.login {
			header.Set("Authorization", "Bearer "+q.credential)
		}
		got = a.send("POST", q.path, q.body, header)
		if a.fresh = got.header.Get("DPoP-Nonce"); a.fresh == "" { // proxies drop headers
			a.fresh = text(got.body, "dpop_nonce")
		}
		if nonce = a.fresh; got.status != 401 || at(got.body, "code") != "use_dpop_nonce" {
			break
		}
	}
	return got
}

func (a *agent) fetchKeys() any {
	return a.send("GET", "/.well-known/jwks.json", "", http.Header{}).body
}

// ---- Network, files, clock, command line ----

// client follows no redirections. It uses the proxy and the private CA that the environment names
// in HTTPS_PROXY and SSL_CERT_FILE (step 11).
var client = http.Client{Timeout: 30 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func (a *agent) exchange(method, path, body string, header http.Header) answer {
	request, err := http.NewRequest(method, a.url+path, strings.NewReader(body))
	must(err, "LICENSING_URL")
	request.Header = header
	response, err := client.Do(request)
	if err != nil {
		return answer{}
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return answer{}
	}
	return answer{response.StatusCode, response.Header, parse(raw), a.clock()}
}

// write replaces a file as a whole or not at all; only its owner can read it (step 5).
func write(file string, raw []byte) error {
	f, err := os.OpenFile(file+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.Write(raw)
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err == nil {
		err = os.Rename(file+".new", file)
	}
	return err
}

// must ends the process over a wrong configuration.
func must(err error, what string) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(2)
	}
}

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

// open reads the configuration and the agent's folder, which no other process can use meanwhile.
func open() *agent {
	for _, name := range []string{"LICENSING_URL", "LICENSING_ISSUER", "AGENT_FOLDER"} {
		if setting(name, "") == "" {
			must(errors.New("is not set"), name)
		}
	}
	machine := parse([]byte(setting("AGENT_MACHINE", canonical(thisMachine()))))
	if _, object := machine.(map[string]any); !object {
		must(errors.New("is no JSON object"), "AGENT_MACHINE")
	}
	if strange := regexp.MustCompile(`[^!-~]`); strange.MatchString(os.Getenv("ID_TOKEN")) {
		must(errors.New("has blanks or letters that no token has"), "ID_TOKEN")
	}
	ahead, err := strconv.ParseInt(setting("AGENT_CLOCK_AHEAD", "0"), 10, 64)
	must(err, "AGENT_CLOCK_AHEAD")
	a := &agent{issuer: os.Getenv("LICENSING_ISSUER"), token: os.Getenv("ID_TOKEN"),
		url: strings.TrimRight(os.Getenv("LICENSING_URL"), "/"), machine: canonical(machine),
		environment: setting("AGENT_ENVIRONMENT", "production"), draw: draw,
		clock: func() int64 { return time.Now().Unix() + ahead }}
	a.send = a.exchange

	folder := os.Getenv("AGENT_FOLDER")
	must(os.MkdirAll(folder, 0o700), "AGENT_FOLDER")
	lock, err := syscall.Open(filepath.Join(folder, "lock"), syscall.O_CREAT|syscall.O_RDWR, 0o600)
	must(err, "AGENT_FOLDER")
	must(syscall.Flock(lock, syscall.LOCK_EX|syscall.LOCK_NB), "AGENT_FOLDER is in use")
	key, file := filepath.Join(folder, "device.key"), filepath.Join(folder, "state.json")
	seed, err := os.ReadFile(key)
	if errors.Is(err, os.ErrNotExist) { // step 3
		_, device, _ := ed25519.GenerateKey(nil)
		seed = device.Seed()
		err = write(key, seed)
	}
	if err == nil && len(seed) != ed25519.SeedSize {
		err = errors.New("is no device key")
	}
	must(err, key)
	a.device = ed25519.NewKeyFromSeed(seed)
	if raw, err := os.ReadFile(file); !errors.Is(err, os.ErrNotExist) {
		must(errors.Join(err, json.Unmarshal(raw, &a.state)), file)
	}
	a.store = func(s state) error {
		s.Latest += a.reserve
		raw, _ := json.Marshal(s)
		return write(file, raw)
	}
	return a
}

// work takes one step, or each step when it is due, and prints a line for it.
func (a *agent) work(forever bool) {
	base, since := a.Latest, time.Now()
	now := func() int64 { // step 10: what the clock has moved since the last contact, never back
		shown := a.clock()
		if shown >= a.Clock {
			shown += a.Server - a.Clock
		}
		return max(shown, base+int64(time.Since(since).Seconds()))
	}
	stored := a.Lease // step 10: it is checked like a new one
	a.Doubted = stored.check(a.JWKS, now()) != "" || stored.Want["iss"] != a.issuer ||
		stored.Want["environment"] != a.environment ||
		!same(parse([]byte(stored.Machine)), parse([]byte(a.machine)))
	for first := true; ; first = false {
		a.Latest, a.reserve = now(), 300
		if a.Lease.Token != "" {
			a.reserve = min(300, (a.Lease.Ends-a.Lease.Begins)/20)
		}
		if due := a.Latest >= a.Due; due || !forever {
			asked := time.Now()
			a.step(a.Latest, random.Float64())
			base, since = a.Latest, asked
			a.print(now())
		} else if first {
			a.print(now())
		}
		if !forever {
			a.Latest, a.reserve = now(), 0 // the exact time: this is an end in good order
			must(a.store(a.state), "AGENT_FOLDER")
			return
		}
		_ = a.store(a.state)
		time.Sleep(time.Duration(max(1, min(a.Due-now(), a.reserve/2))) * time.Second)
	}
}

func (a *agent) print(now int64) {
	line := map[string]any{"works": a.works(now), "state": a.standing(now), "message": a.Message,
		"code": nil, "license": nil, "lease": nil, "until": nil, "wait": max(0, a.Due-now)}
	if a.Code != "" {
		line["code"] = a.Code
	}
	if a.Key != "" {
		line["license"] = a.Lease.Want["sub"]
	}
	if a.works(now) {
		line["until"] = a.Lease.Ends
	}
	if a.works(now) && a.Lease.ID != "" {
		line["lease"] = a.Lease.ID
	}
	_ = json.NewEncoder(os.Stdout).Encode(line)
}

const help = `agent run             works until it is killed, and prints a JSON line for each step
agent step            takes one step: logs in where it has to, else validates
agent vectors FOLDER  checks itself (if it was built together with vectors.go)

LICENSING_URL, LICENSING_ISSUER  the service, and the issuer of its leases
AGENT_FOLDER                     where the agent keeps its files
ID_TOKEN                         a person's ID token, where a login is due
AGENT_ENVIRONMENT                production, if it is not set
AGENT_MACHINE                    the machine as JSON, in place of this one
AGENT_CLOCK_AHEAD                for tests: seconds that are added to the clock`

// vectors is set by vectors.go, if that is part of the program.
var vectors func(folder string) (failed int)

func main() {
	switch arguments := strings.Join(os.Args[1:], " "); {
	case arguments == "run" || arguments == "step":
		open().work(arguments == "run")
	case len(os.Args) == 3 && os.Args[1] == "vectors" && vectors != nil:
		os.Exit(min(1, vectors(os.Args[2])))
	case arguments == "--help":
		fmt.Println(help)
	default:
		must(errors.New("see agent --help"), "arguments")
	}
}
