import java.io.IOException;
import java.net.http.HttpHeaders;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPairGenerator;
import java.time.Instant;
import java.util.*;

/**
 * Checks the agent's own functions against the test vectors: {@code Agent vectors FOLDER}.
 *
 * <p>Prints a line for each file, and the names of the vectors that fail on the standard error.
 * Those that need the rules that {@link Agent} leaves to the service (step 2) are counted apart.
 */
final class Vectors {
    private static final Agent.Settings SETTINGS =
            new Agent.Settings("https://licensing.example", "urn:licensing:test", "production");
    private static final Set<String> NEED_THE_LIST = Set.of("a VPN's address and a name in common",
            "of one image: its name, and an address that software has given");

    private final Path folder;
    private final Map<String, Boolean> passes = new LinkedHashMap<>(); // by name
    private final Set<String> left = new HashSet<>();
    private boolean isGood = true;

    private Vectors(Path folder) {
        this.folder = folder;
    }

    public static void main(String[] args) throws IOException {
        if (args.length != 2) throw new IllegalArgumentException("vectors FOLDER");
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

    private void check(String name, Object expected, Object actual) {
        boolean isSame = Agent.Json.write(expected).equals(Agent.Json.write(actual));
        passes.merge(name, isSame, Boolean::logicalAnd);
    }

    private void report(String file) {
        passes.keySet().removeAll(left);
        passes.forEach((name, passed) -> {
            if (!passed) System.err.println(file + ": " + name);
        });
        long passed = passes.values().stream().filter(each -> each).count();
        isGood &= passed == passes.size();
        String others = ", " + left.size() + " need rules that this client leaves to the service";
        System.out.println(file + ": " + passed + " of " + (passes.size() + left.size())
                + (left.isEmpty() ? "" : others));
        passes.clear();
        left.clear();
    }

    // -- step 2 -----------------------------------------------------------------------------------

    private void machines() throws IOException {
        Object file = read("agent_machines.json");
        List<Object> rows = new ArrayList<>(list(file, "machines"));
        rows.addAll(list(file, "later", "machines"));
        for (Object row : rows) {
            String name = text(row, "name");
            Object raw = at(row, "raw");
            check(name, text(row, "canonical"), Agent.canonical(raw));
            check(name, text(row, "thumbprint"), Agent.sha256(Agent.canonical(raw)));
            List<Set<?>> counts = List.of(one(at(row, "normalised", "machine_id")),
                    Set.copyOf(list(row, "normalised", "mac_addresses")),
                    one(at(row, "normalised", "computer_name")));
            List<Set<String>> normal = Agent.normal(raw);
            boolean isMore = false;
            for (int i = 0; i < counts.size(); i++) {
                check(name, true, normal.get(i).containsAll(counts.get(i)));
                isMore |= normal.get(i).size() > counts.get(i).size();
            }
            if (isMore && passes.get(name)) left.add(name);
        }
        report("agent_machines.json");
    }

    private static Set<?> one(Object value) {
        return value == null ? Set.of() : Set.of(value);
    }

    private void pairs() throws IOException {
        for (Object row : list(read("agent_pairs.json"), "two")) {
            String name = text(row, "name");
            check(name, at(row, "same"), Agent.areSame(at(row, "one"), at(row, "other")));
            if (NEED_THE_LIST.contains(name)) left.add(name);
        }
        report("agent_pairs.json");
    }

    // -- steps 3 to 5, and 7 ----------------------------------------------------------------------

    private void proofs() throws IOException {
        Object file = read("agent_proofs.json"), device = at(file, "device_key");
        Agent.Ed25519Key key = Agent.Ed25519Key.of(text(device, "seed"), text(device, "jwk", "x"));
        check("device_key", text(device, "thumbprint"), Agent.Ed25519Key.thumbprint(key.x()));
        for (Object row : list(file, "ath")) {
            String ath = text(row, "ath");
            check("ath " + ath, ath, Agent.sha256(text(row, "credential")));
        }
        for (Object row : list(file, "htb")) {
            String htb = text(row, "htb");
            check("htb " + htb, htb, Agent.sha256(text(row, "body")));
        }
        for (Object row : list(file, "proofs")) {
            String name = text(row, "name"), input = text(row, "signing_input");
            if (input == null) continue; // not by the device key
            String signed = key.sign(text(row, "header_text"), text(row, "claims_text"));
            check(name, text(row, "proof"), signed);
            check(name, input, signed.substring(0, signed.lastIndexOf('.')));
            if (!Set.of("a login", "a validation").contains(name) && !name.startsWith("of body"))
                continue; // as no agent makes it
            Agent.Question question = new Agent.Question(name.equals("a login"), text(row, "url"),
                    text(row, "credential"), text(row, "body"), null, null, null, null);
            check(name, signed, key.proof(question, text(row, "claims", "nonce"),
                    text(row, "claims", "jti"), number(row, "claims", "iat")));
        }
        report("agent_proofs.json");
    }

    private void leases() throws IOException {
        Object file = read("agent_leases.json"), expected = at(file, "expected");
        for (Object row : list(file, "tokens")) {
            String flaw = Agent.flaw(text(row, "token"), at(file, "jwks"), number(row, "now"),
                    text(expected, "issuer"), text(expected, "license_id"),
                    text(expected, "organization_id"), text(expected, "environment"),
                    text(expected, "machine_thumbprint"), text(expected, "nonce"));
            check(text(row, "name"), text(row, "reason"), flaw);
        }
        report("agent_leases.json");
    }

    private void keys() throws IOException {
        for (Object row : list(read("agent_keys.json"), "keys"))
            check(text(row, "name"), text(row, "id"), Agent.licenseOf(text(row, "typed")));
        report("agent_keys.json");
    }

    // -- step 8: what an agent keeps and sends, whatever is lost or refused -----------------------

    private static final String LICENSE = "lic_0123456789abcdef",
            KEY = "0808G-S19HT-2AJV3-BKWEG-TGFB1-20ZSN-GQXS8-SEGK7-SY35Z";
    private static final Map<String, Object> MACHINE = Map.of("computer_name", "pc-1");

    private void chains() throws IOException {
        var pair = Agent.sure(() -> KeyPairGenerator.getInstance("Ed25519").generateKeyPair());
        String x = Agent.Ed25519Key.last32(pair.getPublic());
        var service = new Agent.Ed25519Key(pair.getPrivate(), x);
        Object jwks = Map.of("keys", List.of(Map.of("crv", "Ed25519", "x", x)));
        for (Object story : list(read("agent_chains.json"), "agent")) {
            String name = text(story, "name"), disk = Agent.Json.write(Map.of("jwks", jwks));
            Agent.State state = stored(disk);
            int drawn = 0;
            for (Object step : list(story, "steps")) {
                if (text(step, "happens").startsWith("killed")) {
                    state = stored(disk);
                } else {
                    boolean isLogin = !state.next().equals(Agent.State.VALIDATE);
                    Agent.State before = state.with("latest", at(step, "now"));
                    state = before.drawn("n-" + (drawn + 1));
                    drawn += state == before ? 0 : 1;
                    if (at(step, "sends") != null) { // else, it could not be stored
                        var asked = Agent.Question.of(SETTINGS, state, MACHINE, "device",
                                isLogin ? "token" : null);
                        checkSent(name, at(step, "sends"), asked);
                        state = Agent.after(SETTINGS, state, asked, answer(step, asked, service),
                                new Agent.Moment(number(step, "now"), 0, 0.5));
                        disk = Agent.Json.write(state.members());
                    }
                }
                Agent.State kept = stored(disk);
                check(name, at(step, "keeps", "has_license"), kept.text("key") != null);
                check(name, text(step, "keeps", "lease"), kept.claims().get("jti"));
                check(name, text(step, "keeps", "nonce"), kept.text("nonce"));
            }
        }
        report("agent_chains.json");
    }

    private static Agent.State stored(String disk) {
        return new Agent.State(Agent.object(Agent.Json.read(Agent.utf8(disk))));
    }

    private void checkSent(String name, Object sends, Agent.Question asked) {
        Object body = Agent.Json.read(Agent.utf8(asked.body()));
        String lease = text(body, "lease");
        check(name, SETTINGS.url() + text(sends, "route"), asked.url());
        check(name, text(sends, "lease"), lease == null ? null : text(Agent.claims(lease), "jti"));
        check(name, text(sends, "nonce"), text(body, "nonce"));
        check(name, text(sends, "proof_nonce"), asked.link());
    }

    private Agent.Answer answer(Object step, Agent.Question asked, Agent.Ed25519Key service) {
        String happens = text(step, "happens");
        if (happens.equals("the answer is lost")) return Agent.Answer.NONE;
        if (happens.equals("the login is refused"))
            return answer(409, Map.of(), Map.of("status", 409, "code", "seat_limit_reached",
                    "type", "urn:licensing:problem:seat_limit_reached"));
        if (!happens.equals("answered"))
            return answer(200, Map.of(), Map.of("valid", false, "nonce", asked.nonce(),
                    "code", happens.endsWith("login") ? "REVOKED" : "DETACHED", "message", "No.",
                    "action", happens.replaceFirst("refused with action ", "")));
        Map<String, Object> claims = new HashMap<>(Agent.object(at(step, "granted")));
        claims.putAll(Map.of("iss", SETTINGS.issuer(), "sub", LICENSE, "organization_id", "acme",
                "environment", "production", "kind", "standard", "primary", false,
                "nonce", asked.nonce(),
                "machine_thumbprint", Agent.sha256(Agent.canonical(MACHINE))));
        String header = Agent.Json.write(Map.of("alg", "Ed25519", "typ", "lease+jwt",
                "kid", Agent.Ed25519Key.thumbprint(service.x())));
        String lease = service.sign(header, Agent.Json.write(claims));
        return answer(200, Map.of(), Map.of("valid", true, "code", "VALID", "nonce", asked.nonce(),
                "lease", Map.of("token", lease), "license_key", KEY,
                "license", Map.of("id", LICENSE, "organization_id", "acme"),
                "server_time", Instant.ofEpochSecond(number(step, "now")).toString()));
    }

    private static Agent.Answer answer(int status, Map<String, List<String>> headers, Object body) {
        String text = body instanceof String page ? page : Agent.Json.write(body);
        HttpHeaders all = HttpHeaders.of(headers, (name, value) -> true);
        return Agent.Answer.of(status, all, Agent.utf8(text));
    }

    // -- steps 5 to 10: what comes of each answer -------------------------------------------------

    private void answers() throws IOException {
        Object file = read("agent_answers.json"), machine = at(file, "machine");
        long now = number(file, "now");
        for (Object row : list(file, "rows")) {
            String situation = text(row, "situation"), name = situation + ": " + text(row, "name");
            Object has = at(file, "situations", situation), after = at(row, "after");
            String asks = text(has, "asks"), license = text(has, "license", "id");
            String token = asks.equals(Agent.State.VALIDATE) ? null : "token";
            Agent.State state = new Agent.State(Map.of()).with("jwks", at(file, "jwks"),
                    "latest", now, "next", asks, "nonce", "n-1", "nonce_at", now,
                    "key", at(has, "license", "license_key"), "license", license,
                    "organization", at(has, "license", "organization_id"),
                    "device", at(has, "license", "device_key"), "lease", at(has, "presents"),
                    "lease_nonce", at(has, "lease", "nonce"), "lease_machine", machine,
                    "works", at(has, "lease") != null, "failures", at(has, "failures"),
                    "is_late", at(has, "last_was_over"), "code", at(has, "refused", "code"),
                    "message", at(has, "refused", "message"),
                    "outcome", at(has, "refused") == null ? null : "refused",
                    "has_just_logged_in", at(has, "has_just_logged_in"));
            String device = text(has, "device_key");
            var asked = Agent.Question.of(SETTINGS, state, machine, device, token);
            checkRequest(name, Agent.object(at(has, "request", "body")), asked);
            String page = text(row, "answer", "text");
            Agent.Answer answer = at(row, "answer") == null ? Agent.Answer.NONE
                    : answer((int) number(row, "answer", "status"), headers(at(row, "answer")),
                            page == null ? at(row, "answer", "body") : page);
            for (int chance = 0; chance <= 1; chance++) { // the least wait, and the most
                var moment = new Agent.Moment(now, now, chance);
                Agent.State then = Agent.after(SETTINGS, state, asked, answer, moment);
                Map<String, Object> told = then.line(SETTINGS, machine);
                check(name, text(after, "state"), told.get("state"));
                check(name, at(after, "works"), told.get("works"));
                check(name, text(after, "works_on"), told.get("lease"));
                check(name, at(after, "has_license"), then.text("key") != null);
                check(name, text(after, "presents"), then.claims().get("jti"));
                check(name, at(after, "keeps_nonce"), "n-1".equals(then.text("nonce")));
                check(name, text(after, "next"), then.next());
                Number wait = (Number) list(after, "wait").get(chance);
                check(name, wait.longValue(), told.get("wait"));
                if (at(after, "said_by") != null)
                    check(name, text(after, "says"), told.get("message"));
            }
        }
        report("agent_answers.json");
    }

    private void checkRequest(String name, Map<String, Object> expected, Agent.Question asked) {
        Map<String, Object> body = Agent.object(Agent.Json.read(Agent.utf8(asked.body())));
        Map<String, Object> sent = new TreeMap<>(body), sends = new TreeMap<>(expected);
        sends.put("agent_version", sent.get("agent_version")); // this client's own
        check(name, sends, sent);
    }

    private static Map<String, List<String>> headers(Object answer) {
        Map<String, List<String>> headers = new HashMap<>();
        Agent.object(at(answer, "headers"))
                .forEach((name, value) -> headers.put(name, List.of((String) value)));
        return headers;
    }

    // -- reading ----------------------------------------------------------------------------------

    private Object read(String file) throws IOException {
        return Agent.Json.read(Files.readAllBytes(folder.resolve(file)));
    }

    private static Object at(Object json, String... path) {
        return Agent.at(json, path);
    }

    private static String text(Object json, String... path) {
        return Agent.text(json, path);
    }

    private static long number(Object json, String... path) {
        return (Long) Agent.at(json, path);
    }

    private static List<?> list(Object json, String... path) {
        return Agent.list(json, path);
    }
}
