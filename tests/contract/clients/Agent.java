import java.io.*;
import java.math.BigInteger;
import java.net.*;
import java.net.http.*;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.*;
import java.nio.file.attribute.*;
import java.security.*;
import java.security.spec.*;
import java.text.Normalizer;
import java.time.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;

import static java.nio.charset.StandardCharsets.UTF_8;

/**
 * A complete agent in one file, with the JDK (17 or newer) alone. "Step 7" and the like are
 * sections of OTHER_LANGUAGES.md. What an answer does to the agent is a pure function, {@link #after}.
 *
 * <p>The JVM sets a proxy (-Dhttps.proxyHost=…, -Djava.net.useSystemProxies=true) and a private CA
 * (-Djavax.net.ssl.trustStore=…).
 *
 * <p>Left out: a browser for the login (the token is a variable), a form to type a key, changes of
 * the device key, machine ids of Windows and macOS, dates in Retry-After; and of what counts of a
 * machine (step 2) all but the normal form: no list of what computers share, nothing made up.
 */
public final class Agent {
    private static final String HELP = """
            usage: java Agent.java run | step | vectors FOLDER
              run      logs in where that is due, validates, renews, until killed; a JSON line a step
              step     one step now, due or not
              vectors  checks this program against the test vectors (with Vectors.java)

              LICENSING_URL  the service              LICENSING_ISSUER   what its leases name
              AGENT_FOLDER   for the agent's files    ID_TOKEN           a person's, for a login
              AGENT_MACHINE  the machine, as JSON     AGENT_ENVIRONMENT  "production" by default
              AGENT_CLOCK_AHEAD  for tests: seconds to add to the machine's clock""";
    private static final Duration TIMEOUT = Duration.ofSeconds(30);
    private static final int LARGEST_ANSWER = 1 << 20;
    static final String VALIDATE = "validate", LOGIN = "login", LOGIN_WITH_KEY = "login with key",
            FETCH_KEYS = "fetch keys";

    private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER).build();
    private final SecureRandom random = new SecureRandom();
    private final Map<String, String> variables;
    private final Settings settings;
    private final Disk disk;
    private final Key device;
    private State state;
    private String token; // a person's, until a login has been answered
    private String serviceNonce; // the latest one, for proofs (step 4)
    private long lastTick = System.nanoTime();

    public static void main(String[] args) throws Exception {
        String command = args.length > 0 ? args[0] : "--help";
        if (command.equals("vectors")) {
            Class.forName("Vectors").getMethod("main", String[].class).invoke(null, (Object) args);
        } else if (!Set.of("run", "step").contains(command)) {
            System.out.println(HELP);
            System.exit(command.equals("--help") ? 0 : 2);
        }
        try {
            Agent agent = new Agent(System.getenv());
            if (command.equals("run")) agent.run();
            System.out.println(agent.step());
            agent.save(0);
        } catch (IllegalArgumentException | IOException wrong) {
            System.err.println(wrong.getMessage());
            System.exit(2);
        }
    }

    private Agent(Map<String, String> variables) throws IOException {
        this.variables = variables;
        settings = new Settings(variable("LICENSING_URL", null).replaceFirst("/+$", ""),
                variable("LICENSING_ISSUER", null), variable("AGENT_ENVIRONMENT", "production"));
        token = variable("ID_TOKEN", "").isEmpty() ? null : variable("ID_TOKEN", "").strip();
        if (token != null && !token.matches("[\\w.=-]+"))
            throw new IllegalArgumentException("ID_TOKEN is no token.");
        disk = new Disk(Path.of(variable("AGENT_FOLDER", null)));
        device = Key.ofDevice(disk);
        state = new State(disk.read("state.json"));
    }

    private String variable(String name, String otherwise) {
        String value = variables.getOrDefault(name, otherwise);
        if (value == null) throw new IllegalArgumentException("Set " + name + ".");
        return value;
    }

    private void run() throws Exception {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> save(0)));
        while (true) {
            System.out.println(step());
            long due = tick() + Math.max(1, state.number("wait"));
            for (long now = tick(); now < due; now = tick()) {
                save(reserve());
                Thread.sleep(1000 * Math.min(60, due - now));
            }
        }
    }

    /** Logs in or validates, and returns the line that tells it. */
    private String step() throws Exception {
        tick();
        Map<String, Object> machine = machine();
        boolean isLogin = !state.next().equals(VALIDATE);
        boolean isDone = true;
        if (isLogin && token == null && (state.text("key") == null || !state.is("awaits"))) {
            state = state.with("awaits", true, "outcome", "signed_out", "wait", later(moment()),
                    "message", "A person has to log in: start the agent with ID_TOKEN.");
        } else if (state.get("jwks") == null && !fetchKeys()) { // before anything is issued (step 5)
            state = failed(state, Answer.NONE, moment(), "The service has no keys of "
                    + settings.issuer() + ".");
        } else { // without a person, a key that was refused may be good again (step 9)
            isLogin = isLogin && token != null;
            state = state.with("awaits", false).drawn(isLogin, newId());
            if (save(reserve())) {
                ask(Question.of(settings, state, machine, device.thumbprint(), isLogin ? token : null));
            } else { // do not send it: after a restart it would have another nonce (step 6)
                state = failed(state, Answer.NONE, moment(), "The disk cannot be written.");
            }
        }
        save(reserve());
        return Json.write(state.line(settings, machine));
    }

    private void ask(Question question) throws Exception {
        Answer answer = post(question);
        tick();
        State next = after(settings, state, question, answer, moment());
        if (next.next().equals(FETCH_KEYS) && fetchKeys())
            next = after(settings, state, question, answer, moment());
        boolean isUnknown = next.next().equals(FETCH_KEYS);
        state = isUnknown ? failed(state, answer, moment(), "The lease's key is unknown.") : next;
        if (state.next().equals(VALIDATE) || state.text("outcome").equals("refused")) token = null;
    }

    /** Sends a question; up to twice more where the proof needs a newer nonce (step 4). */
    private Answer post(Question question) throws Exception {
        String nonce = question.link() != null ? question.link() : serviceNonce;
        for (int attempt = 1; attempt <= 3; attempt++) {
            HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(question.url()))
                    .header("Content-Type", "application/json")
                    .header("DPoP", device.proof(question, nonce, newId(), clock()))
                    .POST(HttpRequest.BodyPublishers.ofString(question.body()));
            if (question.isLogin())
                request.header("Authorization", "Bearer " + question.credential());
            Answer answer = send(request);
            if (answer.nonce() != null) serviceNonce = answer.nonce();
            if (!answer.wantsNonce()) return answer;
            nonce = serviceNonce;
        }
        return Answer.NONE;
    }

    private boolean fetchKeys() throws Exception {
        URI uri = URI.create(settings.url() + "/.well-known/jwks.json");
        Answer answer = send(HttpRequest.newBuilder(uri));
        if (!settings.issuer().equals(text(answer.json(), "issuer"))) return false;
        state = state.with("jwks", answer.json());
        return true;
    }

    private Answer send(HttpRequest.Builder request) throws InterruptedException {
        var sent = http.sendAsync(request.timeout(TIMEOUT).build(),
                HttpResponse.BodyHandlers.ofInputStream());
        try { // the request's own timeout ends with the headers of the answer
            return sent.thenApply(Answer::of).get(TIMEOUT.toSeconds(), TimeUnit.SECONDS);
        } catch (ExecutionException | TimeoutException nothing) {
            return Answer.NONE;
        }
    }

    private String newId() {
        byte[] bytes = new byte[16];
        random.nextBytes(bytes);
        return base64url(bytes);
    }

    // -- the time, and what is on disk (step 10) ---------------------------------------------------

    private long clock() {
        return System.currentTimeMillis() / 1000 + Long.parseLong(variable("AGENT_CLOCK_AHEAD", "0"));
    }

    private Moment moment() {
        return new Moment(state.number("latest"), clock(), random.nextDouble());
    }

    /** What time it is: never earlier than it was, whatever the machine's clock shows. */
    private long tick() {
        long seconds = (System.nanoTime() - lastTick) / 1_000_000_000, clock = clock();
        lastTick += seconds * 1_000_000_000;
        boolean isSetBack = clock < state.number("clock");
        long shown = isSetBack ? clock : state.number("server_time") + clock - state.number("clock");
        state = state.with("latest", Math.max(state.number("latest") + seconds, shown));
        return state.number("latest");
    }

    /** How far the time on disk is ahead: who is killed again and again works no longer. */
    private long reserve() {
        return Math.min(300, (state.claim("exp") - state.claim("iat")) / 20);
    }

    private boolean save(long reserve) {
        try {
            long latest = state.number("latest") + reserve;
            disk.write("state.json", state.with("latest", latest).members());
            return true;
        } catch (IOException full) {
            return false;
        }
    }

    // -- what an answer does, without a clock, chance, disk or network -----------------------------

    /** What time it is, what the machine's clock shows, and a random number from 0 to 1. */
    record Moment(long now, long clock, double chance) {}

    static State after(Settings settings, State state, Question asked, Answer answer, Moment at) {
        Map<String, Object> json = answer.json();
        String code = text(json, "code"), action = text(json, "action");
        if (asked.isLogin()) {
            boolean isTaken = answer.status() == 200 || answer.status() == 201;
            return isTaken ? taken(settings, state, asked, answer, at)
                    : loginRefused(settings, state, asked, answer, at);
        }
        boolean isOurs = answer.status() == 200 && asked.nonce().equals(text(json, "nonce"));
        boolean isValid = isOurs && Boolean.TRUE.equals(json.get("valid"));
        if (isValid && "VALID".equals(code)) return taken(settings, state, asked, answer, at);
        boolean isRefused = isOurs && Boolean.FALSE.equals(json.get("valid")) && code != null
                && json.get("lease") == null && !code.equals("VALID");
        boolean isLogout = "logout".equals(action);
        if (!isRefused || !isLogout && (!"login".equals(action) || LOGOUT_ONLY.contains(code)))
            return failed(state, answer, at, NO_ANSWER);
        return refused(state, asked, answer, at);
    }

    private static final Set<String> LOGOUT_ONLY = Set.of("DETACHED", "SUSPENDED", "EXPIRED");
    private static final String NO_ANSWER = "The service cannot be reached.";

    /** Takes over what the answer's lease proves (step 7): without it, this is no answer. */
    private static State taken(Settings settings, State state, Question asked, Answer answer,
            Moment at) {
        String lease = text(answer.json(), "lease", "token"), license = text(answer.json(), "license", "id");
        Long time = seconds(text(answer.json(), "server_time"));
        State next = state.with("lease", lease, "lease_nonce", asked.nonce(),
                "lease_machine", asked.machine(), "nonce", null);
        if (asked.isLogin()) {
            String key = text(answer.json(), "license_key");
            if (license == null || !license.equals(licenseOf(key)))
                return failed(state, answer, at, "The license key was changed on the way.");
            next = next.with("key", key, "license", license, "login_nonce", null, "device",
                    asked.device(), "organization", text(answer.json(), "license", "organization_id"));
        }
        String flaw = lease == null || time == null ? "malformed" : next.flaw(settings, time);
        boolean isLate = "over".equals(flaw);
        if ("unknown_key".equals(flaw))
            return state.with("next", FETCH_KEYS, "outcome", "unanswered", "wait", 0);
        if (flaw != null && !isLate)
            return failed(state, answer, at, "The answer's lease is not valid: " + flaw + ".");
        boolean isValid = !asked.isLogin() && !isLate;
        next = next.with("next", VALIDATE, "works", !isLate, "is_late", isLate, "failures", 0,
                "has_just_logged_in", asked.isLogin(), "outcome", isValid ? "valid" : "unanswered",
                "code", isValid ? "VALID" : null, "message", "The license is valid.", "wait", 0);
        if (isLate) // the answer to a question of long ago (step 8): ask anew
            return state.is("is_late") ? failed(next, answer, at, "The lease is over.") : next;
        long old = at.now() - 300;
        if (time < old && state.number(asked.isLogin() ? "login_nonce_at" : "nonce_at") < old)
            return next; // it may have been held back: the time stays
        long half = (next.claim("iat") + next.claim("exp")) / 2, from = Math.max(half, time);
        long wait = from - time + Math.round((next.claim("exp") - from) / 4 * at.chance());
        return next.with("wait", asked.isLogin() ? 0 : wait, "latest", time, "server_time", time,
                "clock", at.clock());
    }

    /** After a decision about a validation (step 9). */
    private static State refused(State state, Question asked, Answer answer, Moment at) {
        String code = text(answer.json(), "code"), message = text(answer.json(), "message");
        if (code.equals("PROOF_REQUIRED") || code.equals("PROOF_INVALID")) {
            State next = failed(state, answer, at, message).with("code", code);
            boolean isOther = !asked.device().equals(state.text("device"));
            if (state.left(at.now()) > 0 && !(isOther && code.equals("PROOF_INVALID"))) return next;
            next = next.with("next", LOGIN_WITH_KEY);
            return state.number("failures") == 0 ? next.with("wait", 0) : next;
        }
        State next = state.with("outcome", "refused", "code", code, "message", message,
                "works", false, "nonce", null, "failures", 0, "wait", later(at));
        if (text(answer.json(), "action").equals("logout")) return next;
        boolean keepsKey = code.equals("MACHINE_MISMATCH") || code.equals("DISSOCIATED");
        next = keepsKey ? next.with("next", LOGIN_WITH_KEY) : next.with("next", LOGIN, "key", null);
        return state.is("has_just_logged_in") ? next : next.with("wait", 0);
    }

    private static final Set<String> ABOUT_THE_KEY = Set.of(
            "license_still_bound", "temporary_license_not_usable", "on_behalf_login_disabled");

    /** After a login that was not granted (step 9): refused, or no answer. */
    private static State loginRefused(Settings settings, State state, Question asked,
            Answer answer, Moment at) {
        String code = answer.refusal(), detail = text(answer.json(), "detail");
        if (code == null) return failed(state, answer, at, NO_ANSWER);
        Set<String> pointers = list(answer.json(), "errors").stream()
                .map(error -> text(error, "pointer")).collect(Collectors.toSet());
        if (code.equals("proof_required") || pointers.contains("/headers/dpop"))
            return failed(state, answer, at, detail).with("code", code); // dropped on the way
        Object leased = state.text("lease") == null ? null : claims(state.text("lease")).get("environment");
        boolean isAboutKey = ABOUT_THE_KEY.contains(code)
                || code.equals("not_found") && pointers.contains("/license_key")
                || code.equals("invalid_request") && pointers.contains("/environment")
                        && !settings.environment().equals(leased);
        if (state.next().equals(LOGIN_WITH_KEY) && isAboutKey)
            return state.with("next", LOGIN, "outcome", "unanswered", "code", code,
                    "message", detail, "wait", 2);
        return state.with("outcome", "refused", "code", code, "failures", 0, "message", detail,
                "wait", code.equals("unauthorized") ? 60 : later(at));
    }

    /** After what is no answer (step 10): goes on, and tries again after a while. */
    private static State failed(State state, Answer answer, Moment at, String message) {
        long failures = state.number("failures"), left = state.left(at.now());
        long eighth = left > 0 ? left / 8 : Long.MAX_VALUE;
        long asked = Math.min(Math.min(answer.retryAfter(), 1800), eighth);
        long longest = Math.min(failures < 9 ? 2L << failures : 600, Math.max(2, eighth));
        return state.with("failures", failures + 1, "outcome", "unanswered", "code", null,
                "message", message, "wait", asked + Math.round(longest * at.chance()));
    }

    private static long later(Moment at) {
        return 450 + Math.round(900 * at.chance());
    }

    // -- what the agent has, asks and is answered ---------------------------------------------------

    record Settings(String url, String issuer, String environment) {}

    /** All that is kept on disk, as JSON; what is not there is null, 0 or false. */
    record State(Map<String, Object> members) {
        State with(Object... namesAndValues) {
            Map<String, Object> copy = new TreeMap<>(members);
            for (int i = 0; i < namesAndValues.length; i += 2)
                copy.put((String) namesAndValues[i], namesAndValues[i + 1]);
            return new State(copy);
        }

        Object get(String name) { return members.get(name); }

        String text(String name) { return Agent.text(members, name); }

        boolean is(String name) { return Boolean.TRUE.equals(get(name)); }

        long number(String name) { return get(name) instanceof Number n ? n.longValue() : 0; }

        String next() { return text("next") == null ? LOGIN : text("next"); }

        /** A time that the last lease claims; 0 without one. */
        long claim(String name) {
            return text("lease") == null ? 0 : (Long) claims(text("lease")).get(name);
        }

        /** With a nonce for the next question: the same one until that is answered. */
        State drawn(boolean isLogin, String fresh) {
            String name = isLogin ? "login_nonce" : "nonce";
            return text(name) != null ? this : with(name, fresh, name + "_at", get("latest"));
        }

        /** How long the lease still holds that the agent works on. */
        long left(long now) { return is("works") ? Math.max(0, claim("exp") - now) : 0; }

        /** What is wrong with the lease, for what was sent for it; null if it holds. */
        String flaw(Settings settings, long now) {
            return Agent.flaw(text("lease"), get("jwks"), now, settings.issuer(), text("license"),
                    text("organization"), settings.environment(),
                    sha256(canonical(get("lease_machine"))), text("lease_nonce"));
        }

        /** What is told after a step; a stored lease is checked like a new one (step 10). */
        Map<String, Object> line(Settings settings, Object machine) {
            long now = number("latest");
            boolean works = left(now) > 0 && flaw(settings, now) == null
                    && areSame(machine, get("lease_machine"));
            String outcome = text("outcome");
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("works", works);
            line.put("state", works ? outcome.equals("valid") ? "valid" : "grace"
                    : !outcome.equals("unanswered") ? outcome
                    : text("key") == null ? "signed_out" : "unreachable");
            line.put("code", get("code"));
            line.put("message", get("message"));
            line.put("license", text("key") == null ? null : get("license"));
            line.put("lease", works ? claims(text("lease")).get("jti") : null);
            line.put("until", works ? claim("exp") : null);
            line.put("wait", number("wait"));
            return line;
        }
    }

    /** A request as it is sent; its proof is made in {@link #post}, anew for each nonce. */
    record Question(boolean isLogin, String url, String credential, String body, String nonce,
            String link, Object machine, String device) {
        static Question of(Settings settings, State state, Object machine, String device,
                String token) {
            boolean isLogin = token != null;
            String key = state.text("key"), nonce = state.text(isLogin ? "login_nonce" : "nonce");
            Map<String, Object> body = new LinkedHashMap<>();
            if (!isLogin || state.next().equals(LOGIN_WITH_KEY)) body.put("license_key", key);
            if (!isLogin) body.put("organization_id", state.text("organization"));
            body.put("machine", machine);
            body.put("environment", settings.environment());
            body.put("agent_version", "1.0.0.0");
            body.put("nonce", nonce);
            body.put("lease", state.text("lease")); // also of a license that was given up
            String url = settings.url() + "/v1/licenses" + (isLogin ? "" : "/validate");
            return new Question(isLogin, url, isLogin ? token : key, Json.write(body), nonce,
                    isLogin ? null : link(state), machine, device);
        }

        /** The nonce of a proof while the last lease is in its time (step 4); else null. */
        private static String link(State state) {
            long now = state.number("latest"), start = state.claim("iat"), end = state.claim("exp");
            if (now < start || now >= end) return null;
            return claims(state.text("lease")).get("jti") + (now < (start + end) / 2 ? ".early" : "");
        }
    }

    /** What came back: status 0 if nothing did, and no json if that is not an object. */
    record Answer(int status, Map<String, Object> json, String nonce, long retryAfter) {
        static final Answer NONE = of(0, HttpHeaders.of(Map.of(), (name, value) -> true), new byte[0]);

        static Answer of(HttpResponse<InputStream> response) {
            try (InputStream body = response.body()) {
                return of(response.statusCode(), response.headers(), body.readNBytes(LARGEST_ANSWER));
            } catch (IOException broken) {
                throw new UncheckedIOException(broken);
            }
        }

        static Answer of(int status, HttpHeaders headers, byte[] body) {
            Map<String, Object> json;
            try {
                json = object(Json.read(body));
            } catch (IllegalArgumentException page) {
                json = null;
            }
            String nonce = headers.firstValue("DPoP-Nonce").orElse(text(json, "dpop_nonce"));
            String after = headers.firstValue("Retry-After").orElse("").strip();
            return new Answer(status, json, nonce, after.matches("\\d{1,9}") ? Long.parseLong(after) : 0);
        }

        boolean wantsNonce() {
            return status == 401 && "use_dpop_nonce".equals(text(json, "code"));
        }

        /** The code of the problem for which the service refuses a login (step 9), or null. */
        String refusal() {
            String code = text(json, "code");
            if (status == 401 && code == null && "Unauthorized".equals(text(json, "message")))
                return "unauthorized"; // API Gateway's
            boolean isOurs = code != null && status / 100 == 4
                    && ("urn:licensing:problem:" + code).equals(text(json, "type"))
                    && json.get("status") instanceof Long told && told == status;
            return isOurs && !wantsNonce() && !Set.of(408, 425, 429).contains(status) ? code : null;
        }
    }

    // -- leases (step 7) ---------------------------------------------------------------------------

    private static final List<String> CLAIMS = List.of("iss", "sub", "organization_id",
            "environment", "machine_thumbprint", "nonce");
    private static final List<String> WRONG = List.of("wrong_issuer", "wrong_license",
            "wrong_organization", "wrong_environment", "wrong_machine", "wrong_nonce");

    /** What is wrong with a lease that has to claim what is expected, in the order of CLAIMS. */
    static String flaw(String token, Object jwks, long now, String... expected) {
        try {
            String[] parts = token.split("\\.", -1);
            if (parts.length != 3 || token.length() > 4096) return "malformed";
            Map<String, Object> header = object(Json.read(unbase64url(parts[0])));
            Map<String, Object> claims = claims(token);
            byte[] signature = unbase64url(parts[2]);
            if (!header.keySet().equals(Set.of("alg", "typ", "kid"))) return "malformed";
            if (!"Ed25519".equals(header.get("alg"))) return "wrong_algorithm";
            if (!"lease+jwt".equals(header.get("typ"))) return "wrong_type";
            Object kid = header.get("kid");
            Object key = list(jwks, "keys").stream().filter(one -> kid instanceof String
                    && kid.equals(text(one, "kid")) && "Ed25519".equals(text(one, "crv")))
                    .findFirst().orElse(null);
            if (key == null) return "unknown_key";
            if (!Key.isSigned(text(key, "x"), parts[0] + "." + parts[1], signature))
                return "wrong_signature";
            boolean areTexts = Stream.concat(CLAIMS.stream(), Stream.of("jti"))
                    .allMatch(name -> claims.getOrDefault(name, "") instanceof String);
            if (!areTexts || !(claims.get("iat") instanceof Long start)
                    || !(claims.get("exp") instanceof Long end)) return "malformed";
            for (int i = 0; i < CLAIMS.size(); i++)
                if (!claims.getOrDefault(CLAIMS.get(i), "").equals(expected[i])) return WRONG.get(i);
            return now < start ? "not_yet" : now >= end ? "over" : null;
        } catch (IllegalArgumentException wrong) {
            return "malformed";
        }
    }

    static Map<String, Object> claims(String token) {
        return object(Json.read(unbase64url(token.split("\\.", -1)[1])));
    }

    // -- Ed25519 (steps 3 and 4) -------------------------------------------------------------------

    /** A key that signs; x is its public half. */
    record Key(PrivateKey secret, String x) {
        // What stands before the 32 bytes of a key in PKCS#8 and in X.509.
        private static final String PRIVATE = "302e020100300506032b657004220420";
        private static final String PUBLIC = "302a300506032b6570032100";

        /** The device key: made once, and kept as a JWK (RFC 8037). */
        static Key ofDevice(Disk disk) throws IOException {
            Map<String, Object> jwk = disk.read("device.json");
            if (jwk.isEmpty()) {
                KeyPair pair = sure(() -> KeyPairGenerator.getInstance("Ed25519").generateKeyPair());
                jwk = jwk(last32(pair.getPublic()));
                jwk.put("d", last32(pair.getPrivate()));
                disk.write("device.json", jwk);
            }
            return of(text(jwk, "d"), text(jwk, "x"));
        }

        static Key of(String seed, String x) {
            return new Key(sure(() -> KeyFactory.getInstance("Ed25519")
                    .generatePrivate(new PKCS8EncodedKeySpec(der(PRIVATE, seed)))), x);
        }

        static String last32(java.security.Key key) {
            byte[] der = key.getEncoded();
            return base64url(Arrays.copyOfRange(der, der.length - 32, der.length));
        }

        private static byte[] der(String head, String key) {
            HexFormat hex = HexFormat.of();
            return hex.parseHex(head + hex.formatHex(unbase64url(key)));
        }

        private static Map<String, Object> jwk(String x) {
            return new TreeMap<>(Map.of("crv", "Ed25519", "kty", "OKP", "x", x));
        }

        String thumbprint() { return sha256(Json.write(jwk(x))); }

        static boolean isSigned(String x, String text, byte[] signed) {
            try {
                Signature signature = Signature.getInstance("Ed25519");
                signature.initVerify(KeyFactory.getInstance("Ed25519")
                        .generatePublic(new X509EncodedKeySpec(der(PUBLIC, x))));
                signature.update(text.getBytes(UTF_8));
                return signature.verify(signed);
            } catch (GeneralSecurityException wrong) {
                return false;
            }
        }

        /** A JWS. */
        String sign(String header, String claims) {
            String text = base64url(header.getBytes(UTF_8)) + "." + base64url(claims.getBytes(UTF_8));
            return text + "." + sure(() -> {
                Signature signature = Signature.getInstance("Ed25519");
                signature.initSign(secret);
                signature.update(text.getBytes(UTF_8));
                return base64url(signature.sign());
            });
        }

        /** A proof: of the body as it is sent, and of the credential exactly as it is sent. */
        String proof(Question question, String nonce, String id, long iat) {
            Map<String, Object> claims = new LinkedHashMap<>();
            claims.put("jti", id);
            claims.put("htm", "POST");
            claims.put("htu", question.url());
            claims.put("iat", iat);
            claims.put("ath", sha256(question.credential()));
            claims.put("htb", sha256(question.body()));
            if (nonce != null) claims.put("nonce", nonce);
            Map<String, Object> header = new TreeMap<>(
                    Map.of("alg", "Ed25519", "jwk", jwk(x), "typ", "dpop+jwt"));
            return sign(Json.write(header), Json.write(claims));
        }
    }

    // -- the machine (step 2) ----------------------------------------------------------------------

    private Map<String, Object> machine() throws IOException {
        String told = variable("AGENT_MACHINE", "");
        if (!told.isEmpty()) return object(Json.read(told.getBytes(UTF_8)));
        List<String> addresses = new ArrayList<>();
        for (NetworkInterface adapter : Collections.list(NetworkInterface.getNetworkInterfaces())) {
            byte[] address = adapter.getHardwareAddress();
            if (address != null) addresses.add(HexFormat.ofDelimiter(":").formatHex(address));
        }
        Path id = Path.of("/etc/machine-id");
        Map<String, Object> machine = new LinkedHashMap<>();
        machine.put("machine_id", Files.isReadable(id) ? Files.readString(id).strip() : null);
        machine.put("mac_addresses", addresses);
        machine.put("computer_name", InetAddress.getLocalHost().getHostName());
        return machine;
    }

    /** The text whose digest is the thumbprint: what was sent, unchanged. */
    static String canonical(Object machine) {
        Map<String, Object> sent = new TreeMap<>();
        sent.put("computer_name", text(machine, "computer_name"));
        sent.put("mac_addresses", list(machine, "mac_addresses"));
        sent.put("machine_id", text(machine, "machine_id"));
        return Json.write(sent);
    }

    /** A machine in its normal form. */
    record Normal(String id, List<String> addresses, String name) {
        static Normal of(Object machine) {
            String name = fold(text(machine, "computer_name")).strip().replaceFirst("(?U)[\\s.]+$", "");
            return new Normal(fold(text(machine, "machine_id")).replaceAll("[^\\p{L}\\p{N}]", ""),
                    list(machine, "mac_addresses").stream()
                            .map(mac -> fold((String) mac).replaceAll("(?U)[\\s:.-]", ""))
                            .filter(mac -> mac.matches("(?!0{12})[0-9a-f][02468ace][0-9a-f]{10}"))
                            .distinct().sorted().toList(),
                    name.matches("\\d+(\\.\\d+){3}") ? name : name.split("\\.", 2)[0].strip());
        }

        private static String fold(String text) {
            String upper = Normalizer.normalize(text == null ? "" : text, Normalizer.Form.NFKC)
                    .toUpperCase(Locale.ROOT);
            String lower = upper.codePoints().mapToObj(Character::toString)
                    .map(letter -> letter.toLowerCase(Locale.ROOT)).collect(Collectors.joining()).replace("ß", "ss");
            return Normalizer.normalize(lower, Normalizer.Form.NFKC);
        }
    }

    /** Whether two of the three are the same. */
    static boolean areSame(Object one, Object other) {
        Normal a = Normal.of(one), b = Normal.of(other);
        int same = a.id().equals(b.id()) && !a.id().isEmpty() ? 1 : 0;
        same += a.name().equals(b.name()) && !a.name().isEmpty() ? 1 : 0;
        return same + (Collections.disjoint(a.addresses(), b.addresses()) ? 0 : 1) >= 2;
    }

    // -- small tools -------------------------------------------------------------------------------

    /** The agent's folder: for its owner alone, and for one process at a time. */
    static final class Disk {
        private final Path folder;
        private final FileChannel lock; // held until the process ends

        Disk(Path folder) throws IOException {
            this.folder = Files.createDirectories(folder, owner("rwx------"));
            lock = FileChannel.open(folder.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            if (lock.tryLock() == null) throw new IOException("Another process uses " + folder + ".");
        }

        private static FileAttribute<?>[] owner(String rights) {
            boolean isPosix = FileSystems.getDefault().supportedFileAttributeViews().contains("posix");
            return isPosix ? new FileAttribute<?>[] {PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(rights))} : new FileAttribute<?>[0];
        }

        Map<String, Object> read(String name) throws IOException {
            Path file = folder.resolve(name);
            return Files.exists(file) ? object(Json.read(Files.readAllBytes(file))) : Map.of();
        }

        synchronized void write(String name, Map<String, Object> json) throws IOException {
            Path fresh = folder.resolve(name + ".new");
            Files.deleteIfExists(fresh);
            try (FileChannel file = FileChannel.open(fresh, Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE), owner("rw-------"))) {
                file.write(UTF_8.encode(Json.write(json)));
                file.force(true);
            }
            Files.move(fresh, folder.resolve(name), StandardCopyOption.ATOMIC_MOVE);
        }
    }

    /** The id that a license key names (step 5); null if its check digits are wrong. */
    static String licenseOf(String key) {
        String alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        String symbols = Normalizer.normalize(key == null ? "" : key, Normalizer.Form.NFKC)
                .toUpperCase(Locale.ROOT).replaceFirst("(?s).*[:=]", "").replaceAll("[^0-9A-Z]", "")
                .replace('O', '0').replace('I', '1').replace('L', '1');
        if (!symbols.matches("[" + alphabet + "]{45}")) return null;
        BigInteger number = symbols.chars().mapToObj(c -> BigInteger.valueOf(alphabet.indexOf(c)))
                .reduce(BigInteger.ZERO, (sum, digit) -> sum.shiftLeft(5).or(digit));
        if (number.mod(BigInteger.valueOf(1021)).signum() != 0) return null;
        return IntStream.rangeClosed(1, 16).map(i -> number.shiftRight(138 + 80 - 5 * i).intValue() & 31)
                .mapToObj(digit -> alphabet.substring(digit, digit + 1))
                .collect(Collectors.joining("", "lic_", "")).toLowerCase(Locale.ROOT);
    }

    static String sha256(String text) {
        return base64url(sure(() -> MessageDigest.getInstance("SHA-256").digest(text.getBytes(UTF_8))));
    }

    static String base64url(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    static byte[] unbase64url(String text) {
        byte[] bytes = Base64.getUrlDecoder().decode(text);
        if (!base64url(bytes).equals(text)) throw new IllegalArgumentException("not canonical");
        return bytes;
    }

    /** The seconds of a time of the service's; null if it is none. */
    static Long seconds(String time) {
        try {
            return Instant.parse(String.valueOf(time)).getEpochSecond();
        } catch (DateTimeException none) {
            return null;
        }
    }

    /** What each JDK can do. */
    static <T> T sure(Callable<T> action) {
        try {
            return action.call();
        } catch (Exception impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> object(Object json) {
        if (json instanceof Map) return (Map<String, Object>) json;
        throw new IllegalArgumentException("This is no JSON object.");
    }

    static Object at(Object json, String... path) {
        for (String name : path) json = json instanceof Map<?, ?> object ? object.get(name) : null;
        return json;
    }

    static String text(Object json, String... path) {
        return at(json, path) instanceof String text ? text : null;
    }

    static List<?> list(Object json, String... path) {
        return at(json, path) instanceof List<?> list ? list : List.of();
    }

    /** Strict JSON: no name twice, UTF-8, nothing behind the value; whole numbers are Long. */
    static final class Json {
        private static final String LETTERS = "\"\\/bfnrt", ESCAPED = "\"\\/\b\f\n\r\t";
        private final String text; // with a 0 behind it
        private int at;

        private Json(String text) { this.text = text + '\0'; }

        static Object read(byte[] utf8) {
            try {
                Json json = new Json(UTF_8.newDecoder().decode(ByteBuffer.wrap(utf8)).toString());
                Object value = json.value(32);
                json.skip('\0');
                return value;
            } catch (IOException | RuntimeException wrong) {
                throw new IllegalArgumentException("This is not JSON.");
            }
        }

        private char next() {
            while (" \t\r\n".indexOf(text.charAt(at)) >= 0) at++;
            return text.charAt(at);
        }

        private void skip(char expected) {
            if (next() != expected) throw new IllegalArgumentException();
            at++;
        }

        private Object value(int depth) {
            char first = depth > 0 ? next() : 0;
            if (first == '"') return string();
            if (first == '[') {
                List<Object> list = new ArrayList<>();
                for (skip('['); next() != ']'; list.add(value(depth - 1)))
                    if (!list.isEmpty()) skip(',');
                skip(']');
                return list;
            }
            if (first == '{') {
                Map<String, Object> object = new LinkedHashMap<>();
                for (skip('{'); next() != '}'; ) {
                    if (!object.isEmpty()) skip(',');
                    String name = string();
                    skip(':');
                    if (object.containsKey(name)) throw new IllegalArgumentException();
                    object.put(name, value(depth - 1));
                }
                skip('}');
                return object;
            }
            int start = at;
            while (",]} \t\r\n\0".indexOf(text.charAt(at)) < 0) at++;
            String word = text.substring(start, at);
            if (word.equals("null")) return null;
            if (word.equals("true") || word.equals("false")) return word.equals("true");
            if (word.matches("-?(0|[1-9]\\d{0,17})")) return Long.valueOf(word);
            if (word.matches("-?(0|[1-9]\\d*)(\\.\\d+)?([eE][+-]?\\d+)?")) return Double.valueOf(word);
            throw new IllegalArgumentException();
        }

        private String string() {
            StringBuilder string = new StringBuilder();
            for (skip('"'); text.charAt(at) != '"'; at++) {
                char c = text.charAt(at);
                if (c < ' ') throw new IllegalArgumentException();
                if (c == '\\') {
                    int escape = LETTERS.indexOf(text.charAt(++at));
                    if (escape < 0 && text.charAt(at) != 'u') throw new IllegalArgumentException();
                    c = escape >= 0 ? ESCAPED.charAt(escape)
                            : (char) HexFormat.fromHexDigits(text, at + 1, (at += 4) + 1);
                }
                string.append(c);
            }
            at++;
            return string.toString();
        }

        /** Compact, and escaped as for thumbprints (step 2). */
        static String write(Object value) {
            if (value instanceof Map<?, ?> object)
                return object.entrySet().stream().map(e -> write(e.getKey()) + ":" + write(e.getValue()))
                        .collect(Collectors.joining(",", "{", "}"));
            if (value instanceof List<?> list)
                return list.stream().map(Json::write).collect(Collectors.joining(",", "[", "]"));
            if (!(value instanceof String string)) return String.valueOf(value);
            return string.chars().mapToObj(c -> {
                int escape = c == '/' ? -1 : ESCAPED.indexOf(c);
                return escape >= 0 ? "\\" + LETTERS.charAt(escape)
                        : c < ' ' || c > '~' ? String.format("\\u%04x", c) : Character.toString(c);
            }).collect(Collectors.joining("", "\"", "\""));
        }
    }
}
