//go:build unix

// The check of agent.go against the vectors, by the functions that the agent itself uses. What the
// agent leaves out on purpose is named here, with the reason, and counted.
package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"
)

func init() { vectors = checkAll }

// report takes a vector's name and whether it passes.
type report func(vector any, passes bool)

const (
	optional = "need rules that this client leaves to the service"
	unicode  = "need golang.org/x/text"
	typed    = "are how people type a key, which this client does not read"
)

// left names what this client leaves out. A vector of it that passes is an error, too.
var left = map[string]string{
	"an id that firmware makes up":                                            optional,
	"an id of one digit only":                                                 optional,
	"more than eight addresses: makers' first, then hypervisors'":             optional,
	"more than four addresses without a machine id":                           optional,
	"addresses that many computers have":                                      optional,
	"addresses that are made up":                                              optional,
	"an id of the list":                                                       optional,
	"an id of the list, its first three groups the other way round":           optional,
	"an id of the list, all its bytes the other way round":                    optional,
	"an id that repeats two symbols":                                          optional,
	"an id that counts":                                                       optional,
	"an id that counts now and then":                                          optional,
	"an id that counts its bytes, its first three groups the other way round": optional,
	"an id that is nearly all one byte":                                       optional,
	"an id that counts after a word":                                          optional,
	"by the list of a later release":                                          optional,
	"a VPN's address and a name in common":                                    optional,
	"of one image: its name, and an address that software has given":          optional,
	"a name in full width":                                                    unicode,
	"a name with a dotted capital":                                            unicode,
	"in lower case":                                                           typed,
	"with blanks":                                                             typed,
	"letters for digits that look like them":                                  typed,
	"with en dashes and blanks":                                               typed,
	"with hyphens that do not break":                                          typed,
	"with minus signs":                                                        typed,
	"with soft hyphens":                                                       typed,
	"with marks without a width":                                              typed,
	"with blanks that do not break":                                           typed,
	"in quotation marks":                                                      typed,
	"in a document's quotation marks":                                         typed,
	"in guillemets":                                                           typed,
	"in wide letters":                                                         typed,
	"after a label":                                                           typed,
	"as a setting":                                                            typed,
}

func checkAll(folder string) (failed int) {
	for _, file := range []struct {
		name  string
		check func(all any, report report)
	}{{"agent_machines.json", machines}, {"agent_pairs.json", pairs}, {"agent_proofs.json", proofs},
		{"agent_leases.json", leases}, {"agent_keys.json", keys}, {"agent_chains.json", chains},
		{"agent_answers.json", answers}} {
		raw, err := os.ReadFile(filepath.Join(folder, file.name))
		must(err, "vectors")
		passed, all, without := 0, 0, map[string]int{}
		file.check(parse(raw), func(vector any, passes bool) {
			all++
			switch reason := left[fmt.Sprint(vector)]; {
			case passes && reason == "":
				passed++
			case !passes && reason != "":
				without[reason]++
			default:
				failed++
				fmt.Fprintf(os.Stderr, "%s: %v\n", file.name, vector)
			}
		})
		line := fmt.Sprintf("%s: %d of %d", file.name, passed, all)
		for _, reason := range []string{optional, unicode, typed} {
			if without[reason] > 0 {
				line += fmt.Sprintf(", %d %s", without[reason], reason)
			}
		}
		fmt.Println(line)
	}
	return failed
}

func number(value any, name string) int64 { n, _ := integer(value, name); return n }

func machines(all any, report report) {
	rows := append(list(all, "machines"), list(all, "later", "machines")...)
	for _, row := range rows {
		counts := map[component]bool{}
		for c, does := range normal(at(row, "raw")) {
			if does {
				counts[c] = true
			}
		}
		want := map[component]bool{}
		for _, mac := range list(row, "normalised", "mac_addresses") {
			want[component{"address", text(mac)}] = true
		}
		for kind, name := range map[string]string{"id": "machine_id", "name": "computer_name"} {
			if value := text(row, "normalised", name); value != "" {
				want[component{kind, value}] = true
			}
		}
		sent := canonical(at(row, "raw"))
		if sent != text(row, "canonical") || digest(sent) != text(row, "thumbprint") {
			report(text(row, "name")+": the thumbprint", false) // no rule that is optional
			continue
		}
		report(at(row, "name"), reflect.DeepEqual(counts, want))
	}
}

func pairs(all any, report report) {
	for _, row := range list(all, "two") {
		report(at(row, "name"), same(at(row, "one"), at(row, "other")) == at(row, "same"))
	}
}

func proofs(all any, report report) {
	seed, _ := base64.RawURLEncoding.DecodeString(text(all, "device_key", "seed"))
	device := ed25519.NewKeyFromSeed(seed)
	made := parse([]byte(public(device)))
	report("device key", reflect.DeepEqual(made, at(all, "device_key", "jwk")) &&
		digest(public(device)) == text(all, "device_key", "thumbprint"))
	for _, row := range list(all, "ath") {
		report(at(row, "credential"), digest(text(row, "credential")) == text(row, "ath"))
	}
	for _, row := range list(all, "htb") {
		report(at(row, "body"), digest(text(row, "body")) == text(row, "htb"))
	}
	for _, row := range list(all, "proofs") {
		header, claims := text(row, "header_text"), text(row, "claims_text")
		signed := text(row, "proof")
		if header == "" || text(row, "reason") == "signature" { // not made by this key, or damaged
			continue
		}
		passes := sign(device, header, claims) == signed
		if text(row, "name") == "a login" || text(row, "name") == "a validation" {
			own := proof(device, text(row, "url"), text(row, "credential"), text(row, "body"),
				text(row, "claims", "nonce"), number(row, "now_ms")/1000)
			made, _ := payload(own).(map[string]any)
			made["jti"] = at(row, "claims", "jti")
			passes = passes && reflect.DeepEqual(made, at(row, "claims")) &&
				strings.Split(own, ".")[0] == strings.Split(signed, ".")[0]
		}
		report(at(row, "name"), passes)
	}
}

func leases(all any, report report) {
	want := map[string]any{}
	for claim, name := range map[string]string{"iss": "issuer", "sub": "license_id",
		"organization_id": "organization_id", "environment": "environment",
		"machine_thumbprint": "machine_thumbprint", "nonce": "nonce"} {
		want[claim] = at(all, "expected", name)
	}
	for _, row := range list(all, "tokens") {
		l := lease{Token: text(row, "token"), Want: want}
		report(at(row, "name"), l.check(at(all, "jwks"), number(row, "now")) == text(row, "reason"))
	}
}

func keys(all any, report report) {
	for _, row := range list(all, "keys") {
		report(at(row, "name"), licenseOf(text(row, "typed")) == at(row, "id"))
	}
}

// answers puts an agent into each situation, and gives it the answer twice: with the least of
// chance, and with nearly the most.
func answers(all any, report report) {
	now := number(all, "now")
	for _, row := range list(all, "rows") {
		situation := at(all, "situations", text(row, "situation"))
		a, got := placed(all, situation, now), given(at(row, "answer"), now)
		q := a.ask(a.Next != "validate", now)
		q.device = text(situation, "device_key")
		asked, sent := parse([]byte(q.body)), at(situation, "request", "body").(map[string]any)
		passes := q.path == text(situation, "request", "path")
		for name, value := range sent {
			if name != "agent_version" {
				passes = passes && reflect.DeepEqual(at(asked, name), value)
			}
		}
		next, last := a.after(q, got, now, 0), a.after(q, got, now, 0.999999)
		is := map[string]any{"state": next.standing(now), "works": next.works(now), "works_on": nil,
			"has_license": next.Key != "", "presents": nil, "next": next.Next,
			"keeps_nonce": next.Nonce == q.nonce}
		if next.works(now) {
			is["works_on"] = next.Lease.ID
		}
		if next.Lease.Token != "" {
			is["presents"] = next.Lease.ID
		}
		after := at(row, "after")
		for name, value := range is {
			passes = passes && value == at(after, name)
		}
		least, most := seconds(list(after, "wait")[0]), seconds(list(after, "wait")[1])
		passes = passes && next.Due == now+least && last.Due <= now+most && last.Due >= now+most-1
		if at(after, "said_by") != nil { // else the words are the agent's own
			passes = passes && next.Message == text(after, "says")
		}
		report(at(row, "name"), passes)
	}
}

func seconds(number any) int64 { f, _ := number.(json.Number).Float64(); return int64(f) }

func placed(all, situation any, now int64) *agent {
	a := &agent{issuer: text(all, "issuer"), environment: text(all, "environment"),
		machine: canonical(at(all, "machine")), draw: func() string { return "n-1" },
		device: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))}
	a.JWKS, a.Next = at(all, "jwks"), text(situation, "asks")
	a.Key = text(situation, "license", "license_key")
	a.Device = text(situation, "license", "device_key")
	a.Works, a.Failures = at(situation, "lease") != nil, int(number(situation, "failures"))
	a.Unproved = at(situation, "has_just_logged_in") == true
	if at(situation, "refused") != nil {
		a.Answer = "refused"
	}
	a.Late = at(situation, "last_was_over") == true
	if token := text(situation, "presents"); token != "" {
		claims := payload(token)
		a.Lease = lease{Token: token, Machine: a.machine, Want: claims.(map[string]any)}
		a.Lease.check(a.JWKS, now)
	}
	return a
}

func given(made any, now int64) answer {
	got := answer{int(number(made, "status")), http.Header{}, at(made, "body"), now}
	headers, _ := at(made, "headers").(map[string]any)
	for name, value := range headers {
		got.header.Set(name, value.(string))
	}
	return got
}

// chains tells each story to an agent, with a service and a disk that do as the story says.
func chains(all any, report report) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	of := parse([]byte(public(key))).(map[string]any)
	of["kid"] = digest(public(key))
	jwks := map[string]any{"issuer": "test", "keys": []any{of}}
	for _, story := range list(all, "agent") {
		drawn, passes, disk := 0, true, state{}
		var step, sent any
		a := &agent{issuer: "test", environment: "production", machine: canonical(nil), device: key}
		a.draw = func() string { drawn++; return fmt.Sprintf("n-%d", drawn) }
		a.clock = func() int64 { return number(step, "now") }
		a.store = func(s state) error {
			if text(step, "happens") == "it cannot be stored" {
				return errors.New("the disk is full")
			}
			disk = s
			return nil
		}
		a.send = func(method, path, body string, header http.Header) answer {
			if method == "GET" {
				return answer{status: 200, body: jwks}
			}
			asked := parse([]byte(body))
			link := at(payload(header.Get("DPoP")), "nonce")
			if link == "" {
				link = nil
			}
			sent = map[string]any{"route": path, "lease": at(payload(text(asked, "lease")), "jti"),
				"nonce": at(asked, "nonce"), "proof_nonce": link}
			return answered(key, text(step, "happens"), at(step, "granted"), asked, a.clock())
		}
		for _, step = range list(story, "steps") {
			sent, a.token = nil, "token"
			if text(step, "happens") == "killed, and started anew" {
				a.state = disk
			} else {
				a.step(a.clock(), 0.5)
			}
			kept, jti := at(step, "keeps"), any(nil)
			if disk.Lease.Token != "" {
				jti = disk.Lease.ID
			}
			passes = passes && reflect.DeepEqual(sent, at(step, "sends")) &&
				jti == at(kept, "lease") && (disk.Key != "") == at(kept, "has_license") &&
				disk.Nonce == text(kept, "nonce")
		}
		report(at(story, "name"), passes)
	}
}

func payload(token string) any {
	parts := strings.Split(token+".", ".")
	raw, _ := base64.RawURLEncoding.DecodeString(parts[1])
	return parse(raw)
}

func answered(key ed25519.PrivateKey, happens string, granted, asked any, now int64) answer {
	status, body := 200, map[string]any{"nonce": at(asked, "nonce"), "message": "", "lease": nil,
		"server_time": time.Unix(now, 0).UTC().Format(time.RFC3339)}
	switch {
	case happens == "answered":
		claims, _ := json.Marshal(map[string]any{"iss": "test", "sub": "lic_0123456789abcdef",
			"organization_id": "acme", "environment": "production", "nonce": at(asked, "nonce"),
			"machine_thumbprint": digest(canonical(nil)), "jti": at(granted, "jti"),
			"iat": at(granted, "iat"), "exp": at(granted, "exp"),
			"kind": "standard", "primary": false})
		header := `{"alg":"Ed25519","kid":"` + digest(public(key)) + `","typ":"lease+jwt"}`
		body["lease"] = map[string]any{"token": sign(key, header, string(claims))}
		body["valid"], body["code"], body["action"] = true, "VALID", "continue"
		body["license_key"] = "0808G-S19HT-2AJV3-BKT27-EZ32P-28RJ0-1YYBD-J9Q7Y-4P1C1"
		body["license"] = map[string]any{"id": "lic_0123456789abcdef", "organization_id": "acme"}
	case happens == "refused with action login":
		body["valid"], body["code"], body["action"] = false, "NOT_FOUND", "login"
	case happens == "refused with action logout":
		body["valid"], body["code"], body["action"] = false, "DETACHED", "logout"
	case happens == "the login is refused":
		status = 409
		body["status"], body["code"] = 409, "agent_blocked"
		body["type"] = "urn:licensing:problem:agent_blocked"
	default: // the answer is lost
		return answer{}
	}
	raw, _ := json.Marshal(body)
	return answer{status: status, body: parse(raw), clock: now}
}
