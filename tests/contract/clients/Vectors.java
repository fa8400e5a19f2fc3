import java.io.IOException;
import java.net.http.HttpHeaders;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.time.Instant;
import java.util.*;

import static java.nio.charset.StandardCharsets.UTF_8;

/** Checks the functions that {@link Agent} itself uses against the test vectors. */
final class Vectors {
    private static final Agent.Settings OURS =
            new Agent.Settings("https://licensing.example", "urn:licensing:test", "production");
    private static final Set<String> LISTED = Set.of("a VPN's address and a name in common",
            "of one image: its name, and an address that software has given");
    private static final Map<String, Object> MACHINE = Map.of("computer_name", "pc-1");

    private final Path folder;
    private final Map<String, Boolean> rows = new LinkedHashMap<>();
    private final Set<String> leftToTheService = new HashSet<>();
    private boolean isGood = true;

    private Vectors(Path folder) {
        this.folder = folder;
    }

    public static void main(String[] args) throws IOException {
        Vectors vectors = new Vectors(Path.of(args[1]));
        vectors.machines();
        vectors.pairs();
        vectors.proofs();
        vectors.leases();
        vectors.chains();
        vectors.keys();
        vectors.answers();
        System.exit(vectors.isGood ? 0 : 1);
    }

    private Object read(String file) throws IOException {
        return Agent.Json.read(Files.readAllBytes(folder.resolve(file)));
    }

    private void check(Object row, Object expected, Object actual) {
        String name = row instanceof String text ? text : Agent.text(row, "name");
        boolean isSame = Agent.Json.write(expected).equals(Agent.Json.write(actual));
        rows.merge(name, isSame, Boolean::logicalAnd);
    }

    private void report(String file) {
        rows.forEach((name, good) -> {
            if (!good && !leftToTheService.contains(name)) {
                System.err.println(file + ": " + name);
                isGood = false;
            }
        });
        leftToTheService.forEach(name -> rows.put(name, false));
        long passed = rows.values().stream().filter(good -> good).count();
        System.out.println(file + ": " + passed + " of " + rows.size() + (leftToTheService.isEmpty()
                ? "" : ", " + leftToTheService.size() + " need rules that this client leaves to the service"));
        rows.clear();
        leftToTheService.clear();
    }

    private void machines() throws IOException {
        Object file = read("agent_machines.json");
        List<Object> machines = new ArrayList<>(Agent.list(file, "machines"));
        machines.addAll(Agent.list(file, "later", "machines"));
        for (Object row : machines) {
            Object raw = Agent.at(row, "raw"), counts = Agent.at(row, "normalised");
            check(row, Agent.text(row, "canonical"), Agent.canonical(raw));
            check(row, Agent.text(row, "thumbprint"), Agent.sha256(Agent.canonical(raw)));
            List<Set<String>> normal = Agent.normal(raw);
            List<Set<?>> expected = List.of(one(Agent.at(counts, "machine_id")),
                    Set.copyOf(Agent.list(counts, "mac_addresses")), one(Agent.at(counts, "computer_name")));
            for (int i = 0; i < 3; i++) {
                if (normal.get(i).size() > expected.get(i).size() && normal.get(i).containsAll(expected.get(i))) {
                    leftToTheService.add(Agent.text(row, "name"));
                } else {
                    check(row, true, normal.get(i).equals(expected.get(i)));
                }
            }
        }
        report("agent_machines.json");
    }

    private static Set<?> one(Object value) {
        return value == null ? Set.of() : Set.of(value);
    }

    private void pairs() throws IOException {
        for (Object row : Agent.list(read("agent_pairs.json"), "two")) {
            boolean same = Agent.areSame(Agent.at(row, "one"), Agent.at(row, "other"));
            if (same && LISTED.contains(Agent.text(row, "name"))) {
                leftToTheService.add(Agent.text(row, "name"));
            }
            check(row, Agent.at(row, "same"), same);
        }
        report("agent_pairs.json");
    }

    private void proofs() throws IOException {
        Object file = read("agent_proofs.json"), device = Agent.at(file, "device_key");
        Agent.Ed25519Key key = Agent.Ed25519Key.of(Agent.text(device, "seed"), Agent.text(device, "jwk", "x"));
        check("thumbprint", Agent.text(device, "thumbprint"), key.thumbprint());
        for (Object row : Agent.list(file, "ath")) {
            check("ath " + Agent.text(row, "ath"), Agent.text(row, "ath"), Agent.sha256(Agent.text(row, "credential")));
        }
        for (Object row : Agent.list(file, "htb")) {
            check("htb " + Agent.text(row, "htb"), Agent.text(row, "htb"), Agent.sha256(Agent.text(row, "body")));
        }
        for (Object row : Agent.list(file, "proofs")) {
            String header = Agent.text(row, "header_text"), text = Agent.text(row, "claims_text");
            Object claims = Agent.at(row, "claims");
            if (Agent.text(row, "signing_input") != null) {
                String signed = key.sign(header, text);
                check(row, Agent.text(row, "proof"), signed);
                check(row, Agent.text(row, "signing_input"), signed.substring(0, signed.lastIndexOf('.')));
            }
            if (Set.of("a login", "a validation").contains(Agent.text(row, "name"))
                    || Agent.text(row, "name").startsWith("of body")) {
                Agent.Question question = new Agent.Question(false, Agent.text(row, "url"), Agent.text(row, "credential"),
                        Agent.text(row, "body"), "", null, null, "");
                check(row, Agent.text(row, "proof"), key.proof(question, Agent.text(claims, "nonce"),
                        Agent.text(claims, "jti"), (Long) Agent.at(claims, "iat")));
            }
        }
        report("agent_proofs.json");
    }

    private void leases() throws IOException {
        Object file = read("agent_leases.json"), expected = Agent.at(file, "expected");
        for (Object row : Agent.list(file, "tokens")) {
            check(row, Agent.text(row, "reason"), Agent.flaw(Agent.text(row, "token"), Agent.at(file, "jwks"), (Long) Agent.at(row, "now"),
                    Agent.text(expected, "issuer"), Agent.text(expected, "license_id"),
                    Agent.text(expected, "organization_id"), Agent.text(expected, "environment"),
                    Agent.text(expected, "machine_thumbprint"), Agent.text(expected, "nonce")));
        }
        report("agent_leases.json");
    }

    private void keys() throws IOException {
        for (Object row : Agent.list(read("agent_keys.json"), "keys")) {
            check(row, Agent.text(row, "id"), Agent.licenseOf(Agent.text(row, "typed")));
        }
        report("agent_keys.json");
    }

    // -- stories: what an agent keeps and sends, whatever is lost or refused ------------------------

    private static String jti(String lease) {
        return lease == null ? null : Agent.text(Agent.claims(lease), "jti");
    }

    private static Agent.State stored(String disk) {
        return new Agent.State(Agent.object(Agent.Json.read(disk.getBytes(UTF_8))));
    }

    private void chains() throws IOException {
        KeyPair pair = Agent.sure(() -> KeyPairGenerator.getInstance("Ed25519").generateKeyPair());
        Agent.Ed25519Key service = new Agent.Ed25519Key(pair.getPrivate(), Agent.Ed25519Key.last32(pair.getPublic()));
        Map<String, Object> jwk = Map.of("crv", "Ed25519", "kid", "k", "x", service.x());
        for (Object story : Agent.list(read("agent_chains.json"), "agent")) {
            Agent.State state = new Agent.State(Map.of("jwks", Map.of("keys", List.of(jwk))));
            String disk = Agent.Json.write(state.members());
            int drawn = 0;
            for (Object step : Agent.list(story, "steps")) {
                state = state.with("latest", Agent.at(step, "now"));
                if (Agent.text(step, "happens").startsWith("killed")) {
                    state = stored(disk);
                } else {
                    boolean isLogin = !state.next().equals(Agent.State.VALIDATE);
                    Agent.State asking = state.drawn(isLogin, "n-" + (drawn + 1));
                    drawn += asking == state ? 0 : 1;
                    state = asking;
                    if (Agent.at(step, "sends") != null) {
                        state = told(story, step, service, state, isLogin);
                        disk = Agent.Json.write(state.members());
                    }
                }
                Agent.State kept = stored(disk);
                check(story, Agent.at(step, "keeps", "has_license"), kept.text("key") != null);
                check(story, Agent.at(step, "keeps", "lease"), jti(kept.text("lease")));
                check(story, Agent.at(step, "keeps", "nonce"),
                        kept.text("nonce") == null ? kept.text("login_nonce") : kept.text("nonce"));
            }
        }
        report("agent_chains.json");
    }

    private Agent.State told(Object story, Object step, Agent.Ed25519Key service, Agent.State state, boolean isLogin) {
        Agent.Question asked = Agent.Question.of(OURS, state, MACHINE, "d", isLogin ? "token" : null);
        Object body = Agent.Json.read(asked.body().getBytes(UTF_8)), sends = Agent.at(step, "sends");
        check(story, OURS.url() + Agent.text(sends, "route"), asked.url());
        check(story, Agent.text(sends, "lease"), jti(Agent.text(body, "lease")));
        check(story, Agent.text(sends, "nonce"), Agent.text(body, "nonce"));
        check(story, Agent.text(sends, "proof_nonce"), asked.link());
        String happens = Agent.text(step, "happens");
        long now = (Long) Agent.at(step, "now");
        int status = switch (happens) {
            case "the answer is lost" -> 0;
            case "the login is refused" -> 409;
            default -> 200;
        };
        Map<String, Object> answer = new HashMap<>(Map.of("nonce", asked.nonce(), "status", 409, "code", "no",
                "type", "urn:licensing:problem:no", "valid", false, "action", happens.replaceFirst(".* ", "")));
        if (happens.equals("answered")) {
            String id = "lic_0123456789abcdef", key = "0808G-S19HT-2AJV3-BKWEG-TGFB1-20ZSN-GQXS8-SEGK7-SY35Z";
            Map<String, Object> claims = new HashMap<>(Agent.object(Agent.at(step, "granted")));
            claims.putAll(Map.of("iss", OURS.issuer(), "sub", id, "organization_id", "acme", "environment", "production",
                    "machine_thumbprint", Agent.sha256(Agent.canonical(MACHINE)), "nonce", asked.nonce()));
            String lease = service.sign("{\"alg\":\"Ed25519\",\"kid\":\"k\",\"typ\":\"lease+jwt\"}", Agent.Json.write(claims));
            answer.putAll(Map.of("valid", true, "code", "VALID", "license_key", key, "lease", Map.of("token", lease),
                    "license", Map.of("id", id, "organization_id", "acme"), "server_time", Instant.ofEpochSecond(now).toString()));
        }
        return Agent.after(OURS, state, asked, answer(status, Map.of(), Agent.Json.write(answer)),
                new Agent.Moment(now, now, 0.5));
    }

    private static Agent.Answer answer(int status, Map<String, List<String>> headers, String body) {
        return Agent.Answer.of(status, HttpHeaders.of(headers, (name, value) -> true), body.getBytes(UTF_8));
    }

    // -- answers -----------------------------------------------------------------------------------

    private void answers() throws IOException {
        Object file = read("agent_answers.json");
        long now = (Long) Agent.at(file, "now");
        Object machine = Agent.at(file, "machine");
        for (Object row : Agent.list(file, "rows")) {
            Object before = Agent.at(file, "situations", Agent.text(row, "situation")), after = Agent.at(row, "after");
            String asks = Agent.text(before, "asks"), nonce = asks.equals("validate") ? "nonce" : "login_nonce";
            Agent.State state = new Agent.State(Map.of()).with("latest", now, "jwks", Agent.at(file, "jwks"), "next", asks,
                    "key", Agent.at(before, "license", "license_key"), "license", Agent.at(before, "license", "id"),
                    "organization", Agent.at(before, "license", "organization_id"), "device", Agent.at(before, "license", "device_key"),
                    "lease", Agent.at(before, "presents"), "lease_nonce", Agent.at(before, "lease", "nonce"), "lease_machine", machine,
                    "works", Agent.at(before, "lease") != null, "failures", Agent.at(before, "failures"),
                    "is_late", Agent.at(before, "last_was_over"), "has_just_logged_in", Agent.at(before, "has_just_logged_in"),
                    nonce, "n-1", nonce + "_at", now);
            Agent.Question asked = Agent.Question.of(OURS, state, machine, Agent.text(before, "device_key"), asks.equals("validate") ? null : "token");
            Map<String, Object> sent = new TreeMap<>(Agent.object(Agent.Json.read(asked.body().getBytes(UTF_8))));
            Map<String, Object> sends = new TreeMap<>(Agent.object(Agent.at(before, "request", "body")));
            sends.put("agent_version", sent.get("agent_version"));
            sent.putIfAbsent("license_key", null);
            check(row, sends, sent);
            Map<String, List<String>> headers = new HashMap<>();
            Object body = Agent.at(row, "answer", "body");
            if (Agent.at(row, "answer", "headers") instanceof Map<?, ?> map) {
                map.forEach((name, value) -> headers.put((String) name, List.of((String) value)));
            }
            Agent.Answer answer = Agent.at(row, "answer") == null ? Agent.Answer.NONE
                    : answer(((Long) Agent.at(row, "answer", "status")).intValue(), headers, body instanceof String text ? text
                    : body == null ? String.valueOf(Agent.text(row, "answer", "text")) : Agent.Json.write(body));
            for (int chance = 0; chance < 2; chance++) {
                Agent.State then = Agent.after(OURS, state, asked, answer, new Agent.Moment(now, now, chance));
                Map<String, Object> line = then.line(OURS, machine);
                check(row, Agent.at(after, "state"), line.get("state"));
                check(row, Agent.at(after, "works"), line.get("works"));
                check(row, Agent.at(after, "works_on"), line.get("lease"));
                check(row, Agent.at(after, "has_license"), then.text("key") != null);
                check(row, Agent.at(after, "presents"), jti(then.text("lease")));
                check(row, Agent.at(after, "keeps_nonce"), "n-1".equals(then.text(nonce)));
                check(row, Agent.at(after, "next"), then.next());
                Number wait = (Number) Agent.list(after, "wait").get(chance);
                check(row, wait.longValue(), then.number("wait"));
                if (Agent.at(after, "said_by") != null) {
                    check(row, Agent.at(after, "says"), then.text("message"));
                }
            }
        }
        report("agent_answers.json");
    }
}
