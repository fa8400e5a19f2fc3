//go:build unix

// Agent is an agent of the licensing service in one file, with the standard library alone: an
// example for shared/licensing_agent/OTHER_LANGUAGES.md, whose steps the comments name. It says how
// it is used with --help. Built together with vectors.go, it checks itself against the vectors.
//
// It leaves out what step 2 calls optional (what unrelated computers share, made-up ids, default
// names): it is less strict where it compares its own machine then and now (step 10). The standard
// library has neither NFKC nor full case folding, which is needed there alone: fold does wide
// letters, small letters and ß. Who wants all of it takes golang.org/x/text (norm and cases). Also
// left out: temporary licenses, typed keys, and a proof of the key before (DPoP-Previous-Key).
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

// parse reads JSON strictly (step 7): what is no JSON is nil, and so is what has a name twice in an
// object: encoding/json would take the last. Integers stay exact, as json.Number.
func parse(raw []byte) (value any) {
	if !json.Valid(raw) || !utf8.Valid(raw) || repeats(reader(raw)) {
		return nil
	}
	_ = reader(raw).Decode(&value)
	return value
}

func reader(raw []byte) *json.Decoder {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	return decoder
}

func repeats(decoder *json.Decoder) (twice bool) {
	token, _ := decoder.Token() // never an error: the text is valid
	if token != json.Delim('{') && token != json.Delim('[') {
		return false
	}
	for names := map[any]bool{}; decoder.More(); {
		if token == json.Delim('{') {
			name, _ := decoder.Token()
			twice, names[name] = twice || names[name], true
		}
		twice = repeats(decoder) || twice
	}
	_, _ = decoder.Token()
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

func draw() string { raw := make([]byte, 16); _, _ = rand.Read(raw); return base64url(raw) }

// canonical is a machine as it is sent and digested (step 2): ASCII, sorted names, no blanks.
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

// fold stands for NFKC and case folding: see the head of this file.
func fold(s string) string {
	return strings.ReplaceAll(strings.ToLower(strings.ToUpper(s)), "ß", "ss")
}

type component struct{ kind, value string }

var (
	notLetters = regexp.MustCompile(`[^\p{L}\p{N}]`)
	between    = regexp.MustCompile(`[\s:.-]`)
	address    = regexp.MustCompile(`^[0-9a-f][02468ace][0-9a-f]{10}$`) // and of no group
)

// normal is what counts of a machine, in its normal form (step 2).
func normal(machine any) map[component]bool {
	components := map[component]bool{}
	for _, sent := range list(machine, "mac_addresses") {
		mac := between.ReplaceAllString(fold(text(sent)), "")
		components[component{"address", mac}] = address.MatchString(mac) && strings.Trim(mac, "0") != ""
	}
	id := notLetters.ReplaceAllString(fold(text(machine, "machine_id")), "")
	components[component{"id", id}] = id != ""
	name := strings.TrimRight(strings.TrimSpace(fold(text(machine, "computer_name"))), ".")
	if net.ParseIP(name) == nil {
		name, _, _ = strings.Cut(name, ".")
	}
	components[component{"name", name}] = name != ""
	return components
}

// same tells whether two of the three components are the same (step 10).
func same(one, other any) bool {
	kinds, others := map[string]bool{}, normal(other)
	for c, counts := range normal(one) {
		if counts && others[c] {
			kinds[c.kind] = true
		}
	}
	return len(kinds) >= 2
}

// lease is a lease with what it was asked for, so that a stored one can be checked as a new one.
type lease struct {
	Token, ID, Machine string
	Want               map[string]any // the claims that it has to have
	Begins, Ends       int64
}

func (l lease) covers(now int64) bool { return l.Begins <= now && now < l.Ends }

// check is step 7: "" if the lease holds, else the reason. "over": all but its end is right.
func (l *lease) check(jwks any, now int64) string {
	parts, raw := strings.Split(l.Token, "."), [3][]byte{}
	if len(parts) != 3 || len(l.Token) > 4096 {
		return "malformed"
	}
	for i, part := range parts {
		raw[i], _ = base64.RawURLEncoding.DecodeString(part)
		if base64url(raw[i]) != part { // the decoder alone passes over line ends, and spare bits
			return "malformed"
		}
	}
	header, claims := parse(raw[0]), parse(raw[1])
	begins, whole := integer(claims, "iat")
	ends, wholeToo := integer(claims, "exp")
	var key ed25519.PublicKey
	for _, jwk := range list(jwks, "keys") {
		if kid := text(header, "kid"); text(jwk, "kid") == kid && text(jwk, "crv") == "Ed25519" {
			key, _ = base64.RawURLEncoding.DecodeString(text(jwk, "x"))
		}
	}
	switch names, _ := header.(map[string]any); {
	case len(names) != 3:
		return "malformed"
	case names["alg"] != "Ed25519":
		return "wrong_algorithm"
	case names["typ"] != "lease+jwt":
		return "wrong_type"
	case len(key) != ed25519.PublicKeySize:
		return "unknown_key"
	case !ed25519.Verify(key, []byte(parts[0]+"."+parts[1]), raw[2]):
		return "wrong_signature"
	case !whole || !wholeToo || at(claims, "jti") != nil && text(claims, "jti") == "":
		return "malformed"
	}
	for _, c := range [][2]string{{"iss", "wrong_issuer"}, {"sub", "wrong_license"},
		{"organization_id", "wrong_organization"}, {"environment", "wrong_environment"},
		{"machine_thumbprint", "wrong_machine"}, {"nonce", "wrong_nonce"}} {
		if at(claims, c[0]) != l.Want[c[0]] {
			return c[1]
		}
	}
	l.ID, l.Begins, l.Ends = text(claims, "jti"), begins, ends
	switch {
	case now < begins:
		return "not_yet"
	case now >= ends:
		return "over"
	}
	return ""
}

func jwk(device ed25519.PrivateKey) string {
	return `{"crv":"Ed25519","kty":"OKP","x":"` + base64url(device[ed25519.SeedSize:]) + `"}`
}

func sign(device ed25519.PrivateKey, header, claims string) string {
	input := base64url([]byte(header)) + "." + base64url([]byte(claims))
	return input + "." + base64url(ed25519.Sign(device, []byte(input)))
}

// proof shows, for one request, that this agent holds its device key (step 4).
func proof(device ed25519.PrivateKey, address, credential, body, nonce string, now int64) string {
	claims, _ := json.Marshal(map[string]any{"jti": draw(), "htm": "POST", "htu": address,
		"iat": now, "ath": digest(credential), "htb": digest(body), "nonce": nonce})
	header := `{"alg":"Ed25519","jwk":` + jwk(device) + `,"typ":"dpop+jwt"}`
	return sign(device, header, string(claims))
}

var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ")

// licenseOf is the license that a key names (step 5); "" if its check digits are wrong.
func licenseOf(key string) string {
	raw, err := crockford.DecodeString("000" + strings.ReplaceAll(key, "-", ""))
	number := new(big.Int).SetBytes(raw)
	if err != nil || len(raw) != 30 || new(big.Int).Mod(number, big.NewInt(1021)).Sign() != 0 {
		return ""
	}
	above := number.Rsh(number, 138).FillBytes(make([]byte, 30))
	return "lic_" + strings.ToLower(crockford.EncodeToString(above[20:]))
}

// state is what the agent keeps on disk, besides its device key.
type state struct {
	JWKS                  any
	Key, Device           string // the license key, and the thumbprint of the device key then
	Lease                 lease  // the last one: presented, also after the agent has stopped
	Works                 bool   // on that lease
	Next                  string // "validate", "login", "login with key", "fetch keys"
	Nonce, LoginNonce     string // of a question that is not answered yet
	Asked                 int64  // when that nonce was drawn
	Failures              int    // in a row
	New, Late             bool   // just logged in; the last lease was over when it came
	Due                   int64  // when to ask next
	Latest, Server, Clock int64  // the latest time known; both clocks at the last contact (step 10)
	Answer, Code, Message string // Answer: "valid", "refused", "signed_out", or "" for none
}

// question is a request, with the lease that its answer has to have; answer is what came (or 0).
type question struct {
	login, withKey, fetched                    bool
	path, credential, body, key, nonce, device string
	lease                                      lease
}

type answer struct {
	status int
	header http.Header
	body   any
	clock  int64
}

func (s state) works(now int64) bool { return s.Works && s.Lease.covers(now) }

func (s state) standing(now int64) string {
	switch {
	case s.works(now) && s.Answer != "valid":
		return "grace"
	case s.works(now) || s.Answer == "refused" || s.Answer == "signed_out":
		return s.Answer
	case s.Key == "":
		return "signed_out"
	}
	return "unreachable"
}

func later(now int64, chance float64) int64 { return now + 450 + int64(900*chance) }

// after is the heart of the agent: what it is, keeps and does after an answer. It is pure: time is
// `now`, and chance a number from 0 to 1.
func (s state) after(q question, a answer, now int64, chance float64) state {
	if q.login {
		return s.afterLogin(q, a, now, chance)
	}
	code, action := text(a.body, "code"), text(a.body, "action")
	valid, decided := at(a.body, "valid").(bool)
	blocked := slices.Contains([]string{"DETACHED", "SUSPENDED", "EXPIRED"}, code)
	switch { // step 9
	case a.status != 200 || !decided || at(a.body, "nonce") != q.nonce || code == "" ||
		valid != (code == "VALID") || valid != (at(a.body, "lease") != nil):
		return s.failed(a, now, chance, "The service cannot be reached.")
	case valid:
		return s.granted(q, a, now, chance)
	case action == "login" && strings.HasPrefix(code, "PROOF_"):
		lost := code == "PROOF_INVALID" && s.Device != q.device
		next := s.failed(a, now, chance, text(a.body, "message"))
		if next.Code = code; lost || !s.works(now) {
			next.Next = "login with key"
			if s.Failures == 0 {
				next.Due = now
			}
		}
		return next
	case action == "login" && !blocked:
		s.Due, s.Next = now, "login with key"
		if code != "MACHINE_MISMATCH" && code != "DISSOCIATED" {
			s.Key, s.Next = "", "login"
		}
		if s.New {
			s.Due = later(now, chance)
		}
	case action == "logout":
		s.Due = later(now, chance)
	default:
		return s.failed(a, now, chance, "The service cannot be reached.")
	}
	s.Works, s.New, s.Nonce, s.Failures = false, false, "", 0
	s.Answer, s.Code, s.Message = "refused", code, text(a.body, "message")
	return s
}

func (s state) afterLogin(q question, a answer, now int64, chance float64) state {
	code, detail := text(a.body, "code"), text(a.body, "detail")
	if a.status == 200 || a.status == 201 {
		q.key = text(a.body, "license_key")
		q.lease.Want["sub"] = licenseOf(q.key)
		q.lease.Want["organization_id"] = at(a.body, "license", "organization_id")
		if q.lease.Want["sub"] != at(a.body, "license", "id") {
			return s.failed(a, now, chance, "The license key was changed on the way: log in again.")
		}
		return s.granted(q, a, now, chance)
	}
	pointer := func(name string) bool {
		return slices.ContainsFunc(list(a.body, "errors"), func(e any) bool {
			return text(e, "pointer") == name
		})
	}
	status, _ := integer(a.body, "status")
	gateway := a.status == 401 && text(a.body, "message") == "Unauthorized"
	switch {
	case !gateway && (a.status < 400 || a.status > 499 || int(status) != a.status || code == "" ||
		slices.Contains([]int{408, 425, 429}, a.status) || code == "use_dpop_nonce" ||
		text(a.body, "type") != "urn:licensing:problem:"+code):
		return s.failed(a, now, chance, "The service cannot be reached.")
	case code == "proof_required" || pointer("/headers/dpop"):
		return s.failed(a, now, chance, detail)
	case q.withKey && (slices.Contains([]string{"license_still_bound",
		"temporary_license_not_usable", "on_behalf_login_disabled"}, code) ||
		code == "not_found" && pointer("/license_key") || code == "invalid_request" &&
		pointer("/environment") && s.Lease.Want["environment"] != q.lease.Want["environment"]):
		s.Next, s.Due, s.Answer = "login", now+2, ""
	default:
		s.Due, s.Answer = later(now, chance), "refused"
		if a.status == 401 {
			s.Due = now + 60
		}
	}
	s.Failures, s.Code, s.Message = 0, code, detail
	return s
}

// granted takes over what a lease proves, and nothing else (step 7).
func (s state) granted(q question, a answer, now int64, chance float64) state {
	server, _ := time.Parse(time.RFC3339, text(a.body, "server_time"))
	q.lease.Token = text(a.body, "lease", "token")
	wrong := q.lease.check(s.JWKS, server.Unix())
	switch {
	case wrong == "unknown_key" && !q.fetched:
		s.Next, s.Due = "fetch keys", now
		return s
	case wrong != "" && wrong != "over":
		return s.failed(a, now, chance, "The lease in the service's answer is not valid: "+wrong+".")
	}
	twice := s.Late && wrong == "over"
	heldBack := now-s.Asked > 300 && now-server.Unix() > 300 // then its time may be an old one
	s.Key, s.Lease, s.Works, s.Late, s.New = q.key, q.lease, wrong == "", wrong == "over", q.login
	s.Next, s.Nonce, s.LoginNonce, s.Answer, s.Code = "validate", "", "", "", ""
	if q.login {
		s.Device = q.device
	}
	if !heldBack {
		now = server.Unix()
		s.Latest, s.Server, s.Clock = now, now, a.clock
	}
	if twice {
		return s.failed(a, now, chance, "The lease in the service's answer is over already.")
	}
	s.Failures, s.Due, s.Message = 0, now, text(a.body, "message")
	if !s.Late && !q.login && !heldBack { // step 8: in the first quarter of its second half
		half := s.Lease.Begins + (s.Lease.Ends-s.Lease.Begins)/2
		s.Due = half + int64(chance*float64(s.Lease.Ends-half)/4)
		s.Answer, s.Code = "valid", "VALID"
	}
	return s
}

// failed is step 10: no answer is no refusal. Work on, and try again later each time.
func (s state) failed(a answer, now int64, chance float64, why string) state {
	left, longest := int64(86400), int64(600)
	if s.works(now) {
		left = s.Lease.Ends - now
	}
	if s.Failures < 9 {
		longest = 2 << s.Failures
	}
	asked, err := strconv.ParseInt(a.header.Get("Retry-After"), 10, 64)
	if err != nil {
		until, _ := http.ParseTime(a.header.Get("Retry-After"))
		date, _ := http.ParseTime(a.header.Get("Date"))
		asked = until.Unix() - date.Unix()
	}
	s.Due = now + min(max(asked, 0), 1800, left/8) +
		int64(chance*float64(min(longest, max(2, left/8))+1))
	s.Failures, s.Answer, s.Code, s.Message = s.Failures+1, "", "", why
	return s
}

// agent is the state with what it works with. The vectors put their own service and disk there.
type agent struct {
	state
	url, issuer, environment, token string
	machine, fresh                  string // as it is sent; the service's latest nonce (step 4)
	device                          ed25519.PrivateKey
	reserve                         int64 // how far the stored time is ahead (step 10)
	clock                           func() int64
	draw                            func() string
	store                           func(state) error
	send                            func(method, path, body string, header http.Header) answer
}

// ask makes the question that is due: a login (step 5) or a validation (step 6), with a nonce that
// stays the same until it is answered.
func (a *agent) ask(login bool, now int64) question {
	nonce, path, credential := &a.Nonce, "/v1/licenses/validate", a.Key
	body := map[string]any{"machine": json.RawMessage(a.machine), "environment": a.environment,
		"agent_version": "1.0.0.0"}
	if login {
		nonce, path, credential = &a.LoginNonce, "/v1/licenses", a.token
	} else {
		body["organization_id"] = a.Lease.Want["organization_id"]
	}
	withKey := login && a.Next == "login with key"
	if withKey || !login {
		body["license_key"] = a.Key
	}
	if *nonce == "" {
		*nonce, a.Asked = a.draw(), now
	}
	body["nonce"] = *nonce
	if a.Lease.Token != "" {
		body["lease"] = a.Lease.Token
	}
	raw, _ := json.Marshal(body)
	return question{login: login, withKey: withKey, path: path, credential: credential, body: string(raw),
		key: a.Key, nonce: *nonce, device: digest(jwk(a.device)), lease: lease{Machine: a.machine,
			Want: map[string]any{"iss": a.issuer, "sub": a.Lease.Want["sub"], "nonce": *nonce,
				"organization_id": a.Lease.Want["organization_id"], "environment": a.environment,
				"machine_thumbprint": digest(a.machine)}}}
}

// step asks once, if there is something to ask, and keeps what follows.
func (a *agent) step(now int64, chance float64) {
	login := a.Key == "" || a.Next != "validate" && (a.token != "" || !a.works(now))
	if login && a.token == "" { // a person has to come; the license may be bound again meanwhile
		a.Answer, a.Code, a.Next = "signed_out", "", "validate"
		a.Message, a.Due = "Log in: set ID_TOKEN to the ID token of a person.", later(now, chance)
		return
	}
	if at(a.JWKS, "issuer") != a.issuer {
		a.fetchKeys()
	}
	if at(a.JWKS, "issuer") != a.issuer {
		a.state = a.failed(answer{}, now, chance, "There are no keys of the issuer "+a.issuer+
			"; the service's issuer is "+fmt.Sprintf("%q.", text(a.JWKS, "issuer")))
		return
	}
	q := a.ask(login, now)
	if a.store(a.state) != nil { // after a restart it would ask with another nonce (step 6)
		a.state = a.failed(answer{}, now, chance, "The state cannot be stored.")
		return
	}
	nonce := a.fresh
	if !login && a.Lease.covers(now) { // step 4: the lease's id is as good as a nonce
		nonce = a.Lease.ID
		if now < (a.Lease.Begins+a.Lease.Ends)/2 {
			nonce += ".early"
		}
	}
	var got answer
	for try := 0; try < 3; try++ {
		header := http.Header{"Content-Type": {"application/json"}}
		header["Dpop"] = []string{proof(a.device, a.url+q.path, q.credential, q.body, nonce, now)}
		if login {
			header.Set("Authorization", "Bearer "+q.credential)
		}
		got = a.send("POST", q.path, q.body, header)
		if a.fresh = got.header.Get("DPoP-Nonce"); a.fresh == "" {
			a.fresh = text(got.body, "dpop_nonce")
		}
		nonce = a.fresh
		if got.status != 401 || text(got.body, "code") != "use_dpop_nonce" || nonce == "" {
			break
		}
	}
	next := a.after(q, got, now, chance)
	if next.Next == "fetch keys" {
		a.fetchKeys()
		q.fetched = true
		next = a.after(q, got, now, chance)
	}
	a.state = next
	if login && (next.Next == "validate" || next.Answer == "refused") {
		a.token = "" // it has done what it can
	}
	if a.store(a.state) != nil {
		a.Message = "The state cannot be stored. " + a.Message
	}
}

func (a *agent) fetchKeys() {
	got := a.send("GET", "/.well-known/jwks.json", "", http.Header{})
	if got.status == 200 && text(got.body, "issuer") != "" {
		a.JWKS = got.body
	}
}

// exchange uses the proxy and the private CA that the environment names (step 11: HTTPS_PROXY,
// SSL_CERT_FILE), follows no redirection, and never logs.
func (a *agent) exchange(method, path, body string, header http.Header) answer {
	client := http.Client{Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
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

func must(err error, what string) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(2)
	}
}

// open reads the configuration and the folder, which it locks until the process ends.
func open() *agent {
	a := &agent{url: strings.TrimRight(os.Getenv("LICENSING_URL"), "/"), draw: draw,
		issuer: os.Getenv("LICENSING_ISSUER"), environment: os.Getenv("AGENT_ENVIRONMENT"),
		token: os.Getenv("ID_TOKEN"), machine: canonical(thisMachine())}
	folder := os.Getenv("AGENT_FOLDER")
	if folder == "" || a.issuer == "" || !strings.HasPrefix(a.url, "http") {
		must(errors.New("set LICENSING_URL, LICENSING_ISSUER and AGENT_FOLDER"), "configuration")
	}
	if a.environment == "" {
		a.environment = "production"
	}
	if given := os.Getenv("AGENT_MACHINE"); given != "" {
		machine := parse([]byte(given))
		if _, object := machine.(map[string]any); !object {
			must(errors.New("is no JSON object"), "AGENT_MACHINE")
		}
		a.machine = canonical(machine)
	}
	ahead := int64(0)
	if given := os.Getenv("AGENT_CLOCK_AHEAD"); given != "" {
		seconds, err := strconv.ParseInt(given, 10, 64)
		must(err, "AGENT_CLOCK_AHEAD")
		ahead = seconds
	}
	a.clock = func() int64 { return time.Now().Unix() + ahead }
	must(os.MkdirAll(folder, 0o700), "AGENT_FOLDER")
	lock, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	must(err, "AGENT_FOLDER")
	must(syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB), "another agent uses AGENT_FOLDER")
	key, file := filepath.Join(folder, "device.key"), filepath.Join(folder, "state.json")
	seed, err := os.ReadFile(key)
	if errors.Is(err, os.ErrNotExist) { // step 3
		_, device, _ := ed25519.GenerateKey(rand.Reader)
		seed = device.Seed()
		err = write(key, seed)
	}
	if err == nil && len(seed) != ed25519.SeedSize {
		err = errors.New("is no device key")
	}
	must(err, key)
	a.device = ed25519.NewKeyFromSeed(seed)
	raw, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(raw, &a.state)
	}
	if !errors.Is(err, os.ErrNotExist) {
		must(err, file)
	}
	a.send = a.exchange
	a.store = func(s state) error {
		s.Latest += a.reserve
		raw, _ := json.Marshal(s)
		return write(file, raw)
	}
	return a
}

// work takes one step, or each step when it is due, and prints a line for it.
func (a *agent) work(forever bool) {
	base, started := a.Latest, time.Now()
	now := func() int64 { // step 10: what the clock has moved since the last contact, never back
		shown := a.clock()
		if shown >= a.Clock {
			shown += a.Server - a.Clock
		}
		return max(shown, base+int64(time.Since(started).Seconds()))
	}
	stored := a.Lease
	a.Works = a.Works && stored.check(a.JWKS, now()) == "" && stored.Want["iss"] == a.issuer &&
		stored.Want["environment"] == a.environment &&
		same(parse([]byte(stored.Machine)), parse([]byte(a.machine)))
	if forever && now() < a.Due {
		a.print(now())
	}
	for {
		asked := time.Now()
		a.Latest, a.reserve = now(), 300
		if a.Lease.Token != "" { // of a short lease less, since it is lost when the agent is killed
			a.reserve = min(300, (a.Lease.Ends-a.Lease.Begins)/20)
		}
		if !forever || a.Latest >= a.Due {
			a.step(a.Latest, random.Float64())
			base, started = a.Latest, asked
			a.print(now())
		}
		if !forever {
			a.Latest, a.reserve = now(), 0
		}
		if err := a.store(a.state); !forever {
			must(err, "AGENT_FOLDER")
			return
		}
		time.Sleep(time.Duration(max(1, min(a.Due-now(), a.reserve/2))) * time.Second)
	}
}

func (a *agent) print(now int64) {
	line := map[string]any{"works": a.works(now), "state": a.standing(now), "code": nil,
		"message": a.Message, "license": nil, "lease": nil, "until": nil,
		"wait": max(0, a.Due-now)}
	if a.Code != "" {
		line["code"] = a.Code
	}
	if a.Key != "" {
		line["license"] = a.Lease.Want["sub"]
	}
	if a.works(now) {
		line["lease"], line["until"] = a.Lease.ID, a.Lease.Ends
	}
	_ = json.NewEncoder(os.Stdout).Encode(line)
}

const help = `agent run             works, until it is killed: a JSON line for each step
agent step            takes one step now: logs in where it has to, else validates
agent vectors FOLDER  checks itself against the vectors (built with vectors.go)

LICENSING_URL, LICENSING_ISSUER  the service, and the issuer of its leases
AGENT_FOLDER                     where the agent keeps its files
ID_TOKEN                         a person's token, where a login is due
AGENT_ENVIRONMENT                production, if it is not set
AGENT_MACHINE                    the machine as JSON, in place of this one
AGENT_CLOCK_AHEAD                for tests: seconds added to the clock`

var vectors func(folder string) (failed int) // in vectors.go

func main() {
	switch arguments := strings.Join(os.Args[1:], " "); {
	case arguments == "run" || arguments == "step":
		open().work(arguments == "run")
	case arguments == "--help":
		fmt.Println(help)
	case len(os.Args) == 3 && os.Args[1] == "vectors" && vectors != nil:
		os.Exit(min(1, vectors(os.Args[2])))
	default:
		must(errors.New("see --help"), "usage")
	}
}
