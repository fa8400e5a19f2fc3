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
import java.time.format.DateTimeFormatter;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.*;

import static java.nio.charset.StandardCharsets.UTF_8;

/**
 * A complete agent with the JDK (17 or newer) alone. "Step 7" and the like are sections of
 * OTHER_LANGUAGES.md. Read {@link #step} first, then {@link #after}: a pure function, which says
 * what each answer does to the agent.
 *
 * <p>The JVM's properties set a proxy (-Dhttps.proxyHost=…, -Djava.net.useSystemProxies=true) and
 * a private CA (-Djavax.net.ssl.trustStore=…).
 *
 * <p>Left out: a browser for the login (the token is a variable), a form to type a key, changes of
 * the device key, reading the machine elsewhere than on Linux; and of what counts of a machine
 * (step 2) all but its normal form: the service knows what unrelated computers share.
 */
public final class Agent {
    private static final String HELP = """
            usage: java Agent run | step | vectors FOLDER
              run      log in where that is due, validate, renew, until killed: a JSON line a step
              step     one step now, due or not
              vectors  check this program against the test vectors (needs Vectors.java)

              LICENSING_URL  the service              LICENSING_ISSUER   what its leases name
              AGENT_FOLDER   for the agent's files    ID_TOKEN           a person's, for a login
              AGENT_MACHINE  the machine, as JSON     AGENT_ENVIRONMENT  "production" by default
              AGENT_CLOCK_AHEAD  for tests: seconds to add to the machine's clock""";
    private static final Duration TIMEOUT = Duration.ofSeconds(30);
    private static final int LARGEST_ANSWER = 1 << 20;

    private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER).build();
    private final SecureRandom random = new SecureRandom();
    private final Map<String, String> variables = System.getenv();
    private final Settings settings = new Settings(
            variable("LICENSING_URL", "https?://[^?#\\s/][^?#\\s]*", null).replaceFirst("/+$", ""),
            variable("LICENSING_ISSUER", ".+", null),
            variable("AGENT_ENVIRONMENT", ".+", "production"));
    private final Disk disk = Disk.of(Path.of(variable("AGENT_FOLDER", ".+", null)));
    private final Ed25519Key device = Ed25519Key.ofDevice(disk);
    private volatile State state = new State(disk.read("state.json"));
    private String token = variable("ID_TOKEN", "[\\w.=-]*", ""); // until a login is answered
    private String serviceNonce; // the latest one, for proofs (step 4)
    private long lastTick = System.nanoTime();

    public static void main(String[] args) throws Exception {
        String command = args.length > 0 ? args[0] : "";
        try {
            switch (command) {
                case "run" -> new Agent().run();
                case "step" -> new Agent().stepOnce();
                case "vectors" -> Class.forName("Vectors").getMethod("main", String[].class)
                        .invoke(null, (Object) args);
                case "--help" -> System.out.println(HELP);
                default -> throw new IllegalArgumentException(HELP);
            }
        } catch (FileSystemException wrong) {
            System.err.println(wrong); // its message alone is a path
            System.exit(2);
        } catch (IllegalArgumentException | IOException wrong) {
            System.err.println(wrong.getMessage());
            System.exit(2);
        }
    }

    private Agent() throws IOException {
        machine(); // says what is wrong with it before anything is done
    }

    private String variable(String name, String form, String otherwise) {
        String value = variables.getOrDefault(name, otherwise);
        if (value != null && value.matches(form)) return value;
        throw new IllegalArgumentException(name + (value == null ? " is missing." : " is wrong."));
    }

    private void run() throws IOException, InterruptedException {
        ReentrantLock busy = new ReentrantLock();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            if (!busy.tryLock()) return; // in the middle of a step: as if it were killed
            tick();
            save(0);
        }));
        busy.lock();
        while (true) {
            System.out.println(step());
            long due = tick() + Math.max(1, state.number("wait"));
            for (long now = tick(); now < due; now = tick()) { // the time on disk stays ahead
                save(reserve());
                busy.unlock();
                Thread.sleep(1000 * Math.min(Math.max(30, reserve() / 2), due - now));
                busy.lock();
            }
        }
    }

    private void stepOnce() throws IOException, InterruptedException {
        System.out.println(step());
        save(0);
    }

    /** Logs in or validates, and returns the line that tells it. */
    private String step() throws IOException, InterruptedException {
        tick();
        Map<String, Object> machine = machine();
        boolean isDue = !state.next().equals(State.VALIDATE), isLogin = isDue && !token.isEmpty();
        // While nobody logs in, a key that is kept may be good again: every other step asks.
        boolean isKept = state.next().equals(State.LOGIN_WITH_KEY);
        boolean mayValidate = !isDue || isKept && state.is("awaits");
        if (!isLogin && !mayValidate) {
            state = state.with("awaits", true, "outcome", "signed_out", "wait",
                    later(moment()), "message", "A person has to log in: give an ID_TOKEN.");
        } else if (hasKeys() || fetchKeys()) { // before anything is issued (step 5)
            state = state.with("awaits", false).drawn(newId());
            String person = isLogin ? token : null, key = Ed25519Key.thumbprint(device.x());
            if (save(reserve())) {
                ask(Question.of(settings, state, machine, key, person));
            } else { // unsent: after a restart, it would be asked with another nonce (step 6)
                state = failed(state, Answer.NONE, moment(), "The disk cannot be written.");
            }
        }
        save(reserve());
        return Json.write(state.line(settings, machine));
    }

    private void ask(Question question) throws InterruptedException {
        Answer answer = post(question);
        tick();
        long failures = state.number("failures");
        State next = after(settings, state, question, answer, moment());
        if (next.next().equals(State.FETCH_KEYS)) { // the service may have new ones: look once
            if (!fetchKeys()) return;
            next = after(settings, state, question, answer, moment());
        }
        state = !next.next().equals(State.FETCH_KEYS) ? next
                : failed(state, answer, moment(), "The lease is signed with an unknown key.");
        boolean isAnswered = state.number("failures") <= failures;
        boolean isRefused = isAnswered && state.text("outcome").equals("refused");
        if (isRefused || state.next().equals(State.VALIDATE)) token = ""; // it is forgotten
    }

    /** Sends a question; up to twice more where the proof needs a newer nonce (step 4). */
    private Answer post(Question question) throws InterruptedException {
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

    private boolean hasKeys() {
        return settings.issuer().equals(text(state.members(), "jwks", "issuer"));
    }

    /** Fetches the keys that leases are signed with; if there are none, that is the step's end. */
    private boolean fetchKeys() throws InterruptedException {
        URI uri = URI.create(settings.url() + "/.well-known/jwks.json");
        Answer answer = send(HttpRequest.newBuilder(uri));
        String issuer = text(answer.json(), "issuer");
        boolean isOurs = settings.issuer().equals(issuer);
        String problem = "The service is " + issuer + ", not " + settings.issuer() + ".";
        state = isOurs ? state.with("jwks", answer.json())
                : failed(state, answer, moment(), issuer == null ? answer.nothing() : problem);
        return isOurs;
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

    // -- time (step 10) ---------------------------------------------------------------------------

    private long clock() {
        String ahead = variable("AGENT_CLOCK_AHEAD", "-?\\d{1,12}", "0");
        return System.currentTimeMillis() / 1000 + Long.parseLong(ahead);
    }

    private Moment moment() {
        return new Moment(state.number("latest"), clock(), random.nextDouble());
    }

    /** What time it is: never earlier than it was, whatever the machine's clock shows. */
    private long tick() {
        long seconds = (System.nanoTime() - lastTick) / 1_000_000_000, clock = clock();
        lastTick += seconds * 1_000_000_000;
        long moved = clock - state.number("clock");
        long shown = moved < 0 ? clock : state.number("server_time") + moved;
        state = state.with("latest", Math.max(state.number("latest") + seconds, shown));
        return state.number("latest");
    }

    /** How far the time on disk is ahead: who is killed again and again works no longer. */
    private long reserve() {
        return Math.min(300, (state.claim("exp") - state.claim("iat")) / 20);
    }

    private boolean save(long reserve) {
        try {
            long time = state.number("latest") + reserve;
            disk.write("state.json", state.with("latest", time).members());
            return true;
        } catch (IOException full) {
            return false;
        }
    }

    // -- what an answer does: a function without clock, chance, disk or network -------------------

    /** What time it is, what the machine's clock shows, and a random number from 0 to 1. */
    record Moment(long now, long clock, double chance) {}

    private static final Set<String> LOGOUT_ONLY = Set.of("DETACHED", "SUSPENDED", "EXPIRED");
    private static final Set<String> ABOUT_THE_KEY = Set.of(
            "license_still_bound", "temporary_license_not_usable", "on_behalf_login_disabled");

    static State after(Settings settings, State state, Question asked, Answer answer, Moment at) {
        Map<String, Object> json = answer.json();
        if (asked.isLogin()) {
            boolean isGranted = answer.status() == 200 || answer.status() == 201;
            return isGranted ? granted(settings, state, asked, answer, at)
                    : loginRefused(settings, state, answer, at);
        }
        if (answer.status() != 200 || !asked.nonce().equals(text(json, "nonce")))
            return failed(state, answer, at, answer.nothing()); // not to this question
        String code = text(json, "code"), action = text(json, "action");
        boolean isValid = "VALID".equals(code);
        if (isValid && Boolean.TRUE.equals(json.get("valid")))
            return granted(settings, state, asked, answer, at);
        boolean isRefused = Boolean.FALSE.equals(json.get("valid")) && json.get("lease") == null
                && code != null && code.matches("\\w+") && !isValid
                && text(json, "message") != null;
        if (isRefused && "logout".equals(action)) return refused(state, answer, at);
        if (!isRefused || !"login".equals(action) || LOGOUT_ONLY.contains(code))
            return failed(state, answer, at, answer.nothing());
        if (code.equals("PROOF_REQUIRED") || code.equals("PROOF_INVALID"))
            return unproved(state, asked, answer, at);
        boolean keepsKey = code.equals("MACHINE_MISMATCH") || code.equals("DISSOCIATED");
        State next = refused(state, answer, at).with("next", State.LOGIN_WITH_KEY);
        if (!keepsKey) next = next.with("next", State.LOGIN, "key", null);
        return state.is("has_just_logged_in") ? next : next.with("wait", 0);
    }

    /** Takes over what the answer's lease proves (step 7); without that, it is no answer. */
    private static State granted(Settings settings, State state, Question asked, Answer answer,
            Moment at) {
        Map<String, Object> json = answer.json();
        String lease = text(json, "lease", "token");
        long time = seconds(text(json, "server_time"));
        State next = state.with("lease", lease, "lease_nonce", asked.nonce(),
                "lease_machine", asked.machine(), "nonce", null);
        if (asked.isLogin()) {
            String key = text(json, "license_key"), license = text(json, "license", "id");
            if (license == null || !license.equals(licenseOf(key)))
                return failed(state, answer, at, "The license key was changed on the way.");
            next = next.with("key", key, "license", license, "device", asked.device(),
                    "organization", text(json, "license", "organization_id"));
        }
        String flaw = next.flaw(settings, time);
        boolean isLate = "over".equals(flaw), isValid = flaw == null && !asked.isLogin();
        if ("unknown_key".equals(flaw))
            return state.with("next", State.FETCH_KEYS, "outcome", "unanswered", "wait", 0);
        if (flaw != null && !isLate)
            return failed(state, answer, at, "The answer's lease is not valid: " + flaw + ".");
        next = next.with("next", State.VALIDATE, "works", !isLate, "is_late", isLate,
                "outcome", isValid ? "valid" : "unanswered", "code", isValid ? "VALID" : null,
                "message", isValid ? text(json, "message") : null, "wait", 0,
                "has_just_logged_in", state.is("has_just_logged_in") && isLate || asked.isLogin());
        if (isValid) next = next.with("failures", 0);
        if (isLate) // the answer to a question of long ago (step 8): ask anew, at once if once
            return state.is("is_late") ? failed(next, answer, at, "The lease is over.") : next;
        long old = at.now() - 300;
        // It may have been held back: then the time stays (step 10).
        if (time < old && state.number("nonce_at") < old) return next;
        next = next.with("latest", time, "server_time", time, "clock", at.clock());
        if (asked.isLogin()) return next;
        long end = next.claim("exp"), from = Math.max((next.claim("iat") + end) / 2, time);
        return next.with("wait", from - time + Math.round((end - from) / 4 * at.chance()));
    }

    /** After a decision about a validation that ends the work on this lease (step 9). */
    private static State refused(State state, Answer answer, Moment at) {
        return state.with("outcome", "refused", "code", text(answer.json(), "code"),
                "message", text(answer.json(), "message"), "works", false, "nonce", null,
                "next", State.VALIDATE, "wait", later(at));
    }

    /** After PROOF_REQUIRED or PROOF_INVALID: a proof may have got lost on the way (step 9). */
    private static State unproved(State state, Question asked, Answer answer, Moment at) {
        String code = text(answer.json(), "code"), message = text(answer.json(), "message");
        State next = failed(state, answer, at, message).with("code", code, "message", message);
        boolean isOther = !asked.device().equals(state.text("device"));
        if (state.left(at.now()) > 0 && !(isOther && code.equals("PROOF_INVALID"))) return next;
        next = next.with("next", State.LOGIN_WITH_KEY);
        return state.number("failures") == 0 ? next.with("wait", 0) : next;
    }

    private static State loginRefused(Settings settings, State state, Answer answer, Moment at) {
        String code = answer.refusal(), told = text(answer.json(), "detail");
        String detail = told == null ? "Sign in again." : told; // API Gateway says no more
        if (code == null) return failed(state, answer, at, answer.nothing());
        List<?> pointers = list(answer.json(), "errors").stream()
                .map(error -> text(error, "pointer")).toList();
        if (code.equals("proof_required") || pointers.contains("/headers/dpop"))
            return failed(state, answer, at, detail) // as if it was lost on the way
                    .with("code", code, "message", detail);
        State next = state.with("outcome", "refused", "code", code, "message", detail,
                "wait", code.equals("unauthorized") ? 60 : later(at));
        boolean isElsewhere = !settings.environment().equals(state.claims().get("environment"));
        boolean isAboutKey = ABOUT_THE_KEY.contains(code) || switch (code) {
            case "not_found" -> pointers.contains("/license_key");
            case "invalid_request" -> pointers.contains("/environment") && isElsewhere;
            default -> false;
        };
        return isAboutKey && state.next().equals(State.LOGIN_WITH_KEY)
                ? next.with("outcome", "unanswered", "next", State.LOGIN, "wait", 2) : next;
    }

    /** After what is no answer (step 10): goes on, and tries again after a while. */
    private static State failed(State state, Answer answer, Moment at, String message) {
        long failures = state.number("failures"), left = state.left(at.now());
        long eighth = left > 0 ? left / 8 : Long.MAX_VALUE;
        long asked = Math.min(Math.max(0, Math.min(answer.retryAfter(), 1800)), eighth);
        long longest = Math.min(failures < 9 ? 2L << failures : 600, Math.max(2, eighth));
        State next = state.with("failures", failures + 1,
                "wait", asked + Math.round(longest * at.chance()));
        boolean staysRefused = left == 0 && "refused".equals(state.text("outcome"));
        return staysRefused ? next
                : next.with("outcome", "unanswered", "code", null, "message", message);
    }

    /** About every quarter of an hour. */
    private static long later(Moment at) {
        return 450 + Math.round(900 * at.chance());
    }

    // -- what the agent has, asks and is answered -------------------------------------------------

    record Settings(String url, String issuer, String environment) {}

    /**
     * All that is kept on disk; what is not there is null, 0 or false.
     *
     * <p>key, license, organization, device: of the login; device is the thumbprint of its key.
     * lease, lease_nonce, lease_machine: the last lease, and what was sent for it. works: whether
     * the agent works on that. nonce: of the open question. next, wait: what is due,
     * and in how many seconds. outcome, code, message: what the last step came to. latest: the
     * time. server_time, clock: two clocks at the last contact. jwks: the service's keys.
     */
    record State(Map<String, Object> members) {
        static final String VALIDATE = "validate", LOGIN = "login",
                LOGIN_WITH_KEY = "login with key", FETCH_KEYS = "fetch keys";

        State with(Object... namesAndValues) {
            Map<String, Object> copy = new TreeMap<>(members);
            copy.putAll(Json.of(namesAndValues));
            return new State(copy);
        }

        String text(String name) { return Agent.text(members, name); }

        boolean is(String name) { return Boolean.TRUE.equals(members.get(name)); }

        long number(String name) {
            return members.get(name) instanceof Number number ? number.longValue() : 0;
        }

        String next() { return text("next") == null ? LOGIN : text("next"); }

        /** What the last lease claims. */
        Map<String, Object> claims() {
            return text("lease") == null ? Map.of() : Agent.claims(text("lease"));
        }

        long claim(String name) { return (Long) claims().getOrDefault(name, 0L); }

        /** How long the lease still holds that the agent works on. */
        long left(long now) { return is("works") ? Math.max(0, claim("exp") - now) : 0; }

        /** With a nonce for the next question: the same one until one is answered (step 6). */
        State drawn(String fresh) {
            return text("nonce") != null ? this
                    : with("nonce", fresh, "nonce_at", number("latest"));
        }

        /** What is wrong with the lease, by what was sent for it; null if it holds. */
        String flaw(Settings settings, long now) {
            return Agent.flaw(text("lease"), members.get("jwks"), now, settings.issuer(),
                    text("license"), text("organization"), settings.environment(),
                    sha256(canonical(members.get("lease_machine"))), text("lease_nonce"));
        }

        /** What is told after a step; a stored lease is checked like a new one (step 10). */
        Map<String, Object> line(Settings settings, Object machine) {
            long now = number("latest");
            boolean works = left(now) > 0 && flaw(settings, now) == null
                    && areSame(machine, members.get("lease_machine"));
            boolean hasKey = text("key") != null;
            String outcome = text("outcome"), idle = hasKey ? "unreachable" : "signed_out";
            if (outcome.equals("refused") || outcome.equals("signed_out")) idle = outcome;
            String active = outcome.equals("valid") ? outcome : "grace";
            return Json.of("works", works, "state", works ? active : idle, "code", text("code"),
                    "message", text("message"), "license", hasKey ? text("license") : null,
                    "lease", works ? claims().get("jti") : null,
                    "until", works ? claim("exp") : null, "wait", number("wait"));
        }
    }

    /** A request as it is sent; {@link #post} proves it, anew for each nonce. */
    record Question(boolean isLogin, String url, String credential, String body, String nonce,
            String link, Object machine, String device) {
        static Question of(Settings settings, State state, Object machine, String device,
                String token) {
            boolean isLogin = token != null, sendsKey = !state.next().equals(State.LOGIN);
            String key = state.text("key"), nonce = state.text("nonce");
            Map<String, Object> body = Json.of("license_key", !isLogin || sendsKey ? key : null,
                    "machine", machine, "environment", settings.environment(),
                    "agent_version", "1.0.0.0", "nonce", nonce, "lease", state.text("lease"));
            if (!isLogin) body.put("organization_id", state.text("organization"));
            String url = settings.url() + "/v1/licenses" + (isLogin ? "" : "/validate");
            return new Question(isLogin, url, isLogin ? token : key, Json.write(body), nonce,
                    isLogin ? null : link(state), machine, device);
        }

        /** The nonce of a proof while the last lease is in its time (step 4); null after that. */
        private static String link(State state) {
            long now = state.number("latest"), start = state.claim("iat"), end = state.claim("exp");
            String id = Agent.text(state.claims(), "jti");
            if (id == null || now < start || now >= end) return null;
            return now < (start + end) / 2 ? id + ".early" : id;
        }
    }

    /** What came back: status 0 if nothing did, and no json if it is not an object. */
    record Answer(int status, Map<String, Object> json, String nonce, long retryAfter) {
        static final Answer NONE = new Answer(0, null, null, 0);

        static Answer of(HttpResponse<InputStream> response) {
            try (InputStream body = response.body()) {
                byte[] bytes = body.readNBytes(LARGEST_ANSWER);
                return of(response.statusCode(), response.headers(), bytes);
            } catch (IOException broken) {
                throw new UncheckedIOException(broken);
            }
        }

        static Answer of(int status, HttpHeaders headers, byte[] body) {
            Map<String, Object> json = null;
            try {
                json = object(Json.read(body));
            } catch (IllegalArgumentException page) {
                // not the service's
            }
            String nonce = headers.firstValue("DPoP-Nonce").orElse(text(json, "dpop_nonce"));
            return new Answer(status, json, nonce, retryAfter(headers));
        }

        /** Seconds, or a date, to be compared with the answer's own. */
        private static long retryAfter(HttpHeaders headers) {
            String after = headers.firstValue("Retry-After").orElse("");
            if (after.matches("\\d+")) // the most that counts is half an hour
                return after.length() > 9 ? Integer.MAX_VALUE : Long.parseLong(after);
            try {
                var format = DateTimeFormatter.RFC_1123_DATE_TIME;
                var date = ZonedDateTime.parse(headers.firstValue("Date").orElse(""), format);
                return Duration.between(date, ZonedDateTime.parse(after, format)).toSeconds();
            } catch (DateTimeException none) {
                return 0;
            }
        }

        String nothing() {
            String what = status == 0 ? "." : ": what answers has the status " + status + ".";
            return "The service cannot be reached" + what;
        }

        boolean wantsNonce() {
            return status == 401 && "use_dpop_nonce".equals(text(json, "code"));
        }

        /** The code of the problem for which the service refuses a login (step 9), or null. */
        String refusal() {
            String code = text(json, "code");
            if (status == 401 && code == null && "Unauthorized".equals(text(json, "message")))
                return "unauthorized"; // API Gateway says so
            boolean isProblem = status / 100 == 4 && !Set.of(408, 425, 429).contains(status)
                    && ("urn:licensing:problem:" + code).equals(text(json, "type"))
                    && Long.valueOf(status).equals(json.get("status"));
            return isProblem && !wantsNonce() ? code : null;
        }
    }

    // -- leases (step 7) --------------------------------------------------------------------------

    private static final List<String> EXPECTED = List.of("iss", "sub", "organization_id",
            "environment", "machine_thumbprint", "nonce");
    private static final List<String> WRONG = List.of("wrong_issuer", "wrong_license",
            "wrong_organization", "wrong_environment", "wrong_machine", "wrong_nonce");

    /** What is wrong with a lease, or null; expected is what it has to claim, in that order. */
    static String flaw(String token, Object jwks, long now, String... expected) {
        String[] parts = String.valueOf(token).split("\\.", -1);
        if (parts.length != 3 || token.length() > 4096) return "malformed";
        try {
            Map<String, Object> header = object(Json.read(unbase64url(parts[0])));
            Map<String, Object> claims = claims(token);
            byte[] signature = unbase64url(parts[2]);
            if (!header.keySet().equals(Set.of("alg", "typ", "kid"))) return "malformed";
            if (!"Ed25519".equals(header.get("alg"))) return "wrong_algorithm";
            if (!"lease+jwt".equals(header.get("typ"))) return "wrong_type";
            String kid = String.valueOf(text(header, "kid"));
            Optional<String> key = list(jwks, "keys").stream()
                    .filter(each -> "Ed25519".equals(text(each, "crv")))
                    .map(each -> String.valueOf(text(each, "x")))
                    .filter(x -> kid.equals(Ed25519Key.thumbprint(x))).findFirst();
            if (key.isEmpty()) return "unknown_key";
            if (!Ed25519Key.isSigned(key.get(), parts[0] + "." + parts[1], signature))
                return "wrong_signature";
            for (String name : List.of("sub", "organization_id", "environment", "kind"))
                if (text(claims, name) == null) return "malformed";
            boolean isLink = claims.get("jti") == null || text(claims, "jti") != null;
            if (!(claims.get("iat") instanceof Long start && claims.get("exp") instanceof Long end)
                    || start < 0 || start > end || !isLink
                    || !(claims.get("primary") instanceof Boolean)) return "malformed";
            for (int i = 0; i < EXPECTED.size(); i++) {
                String claimed = text(claims, EXPECTED.get(i));
                if (claimed == null || !claimed.equals(expected[i])) return WRONG.get(i);
            }
            return now < start ? "not_yet" : now >= end ? "over" : null;
        } catch (IllegalArgumentException wrong) {
            return "malformed";
        }
    }

    static Map<String, Object> claims(String token) {
        return object(Json.read(unbase64url(token.split("\\.", -1)[1])));
    }

    /** The license that a key names (step 5), as people type it; null if it is not one. */
    static String licenseOf(String key) {
        String alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        String symbols = Normalizer.normalize(key == null ? "" : key, Normalizer.Form.NFKC)
                .toUpperCase(Locale.ROOT).replaceFirst("(?s).*[:=]", "").replaceAll("[^0-9A-Z]", "")
                .replace('O', '0').replace('I', '1').replace('L', '1');
        if (!symbols.matches("[" + alphabet + "]{45}")) return null;
        BigInteger number = BigInteger.ZERO;
        for (char symbol : symbols.toCharArray())
            number = number.shiftLeft(5).or(BigInteger.valueOf(alphabet.indexOf(symbol)));
        if (number.mod(BigInteger.valueOf(1021)).signum() != 0) return null;
        StringBuilder id = new StringBuilder("lic_");
        for (int bit = 138 + 75; bit >= 138; bit -= 5)
            id.append(alphabet.charAt(number.shiftRight(bit).intValue() & 31));
        return id.toString().toLowerCase(Locale.ROOT);
    }

    // -- Ed25519 (steps 3 and 4) ------------------------------------------------------------------

    /** A key that signs; x is its public half. */
    record Ed25519Key(PrivateKey secret, String x) {
        // What stands before the 32 bytes of a key in PKCS#8 and in X.509.
        private static final String PRIVATE = "302e020100300506032b657004220420";
        private static final String PUBLIC = "302a300506032b6570032100";

        /** The device key: made once, and kept as a JWK (RFC 8037). */
        static Ed25519Key ofDevice(Disk disk) throws IOException {
            Map<String, Object> jwk = disk.read("device.json");
            if (jwk.isEmpty()) {
                var pair = sure(() -> KeyPairGenerator.getInstance("Ed25519").generateKeyPair());
                jwk = jwk(last32(pair.getPublic()));
                jwk.put("d", last32(pair.getPrivate()));
                disk.write("device.json", jwk);
            }
            return of(text(jwk, "d"), text(jwk, "x"));
        }

        static Ed25519Key of(String d, String x) {
            return new Ed25519Key(sure(() -> KeyFactory.getInstance("Ed25519")
                    .generatePrivate(new PKCS8EncodedKeySpec(der(PRIVATE, d)))), x);
        }

        static String last32(Key key) {
            byte[] der = key.getEncoded();
            return base64url(Arrays.copyOfRange(der, der.length - 32, der.length));
        }

        private static byte[] der(String head, String key) {
            return HexFormat.of().parseHex(head + HexFormat.of().formatHex(unbase64url(key)));
        }

        private static Map<String, Object> jwk(String x) {
            return Json.of("crv", "Ed25519", "kty", "OKP", "x", x);
        }

        /** As in RFC 7638. */
        static String thumbprint(String x) { return sha256(Json.write(jwk(x))); }

        static boolean isSigned(String x, String text, byte[] signed) {
            try {
                Signature signature = Signature.getInstance("Ed25519");
                signature.initVerify(KeyFactory.getInstance("Ed25519")
                        .generatePublic(new X509EncodedKeySpec(der(PUBLIC, x))));
                signature.update(utf8(text));
                return signed.length == 64 && signature.verify(signed); // Java takes a 0 behind it
            } catch (GeneralSecurityException wrong) {
                return false;
            }
        }

        /** A JWS. */
        String sign(String header, String claims) {
            String text = base64url(utf8(header)) + "." + base64url(utf8(claims));
            return text + "." + sure(() -> {
                Signature signature = Signature.getInstance("Ed25519");
                signature.initSign(secret);
                signature.update(utf8(text));
                return base64url(signature.sign());
            });
        }

        /** A proof: of the body as it is sent, and of the credential exactly as it is sent. */
        String proof(Question question, String nonce, String id, long iat) {
            Map<String, Object> claims = Json.of("jti", id, "htm", "POST",
                    "htu", question.url(), "iat", iat, "ath", sha256(question.credential()),
                    "htb", sha256(question.body()));
            if (nonce != null) claims.put("nonce", nonce);
            return sign(Json.write(Json.of("alg", "Ed25519", "jwk", jwk(x), "typ", "dpop+jwt")),
                    Json.write(claims));
        }
    }

    // -- the machine (step 2) ---------------------------------------------------------------------

    /** The machine as it is now; what it does not tell is null. */
    private Map<String, Object> machine() throws IOException {
        String told = variable("AGENT_MACHINE", "(?s).*", "");
        try {
            if (!told.isEmpty()) return object(Json.read(utf8(told)));
        } catch (IllegalArgumentException wrong) {
            throw new IllegalArgumentException("AGENT_MACHINE is no JSON object.");
        }
        List<String> addresses = new ArrayList<>();
        for (NetworkInterface adapter : Collections.list(NetworkInterface.getNetworkInterfaces())) {
            byte[] address = adapter.getHardwareAddress();
            if (address != null) addresses.add(HexFormat.ofDelimiter(":").formatHex(address));
        }
        return Json.of("machine_id", read("/etc/machine-id"), "mac_addresses", addresses,
                "computer_name", read("/proc/sys/kernel/hostname"));
    }

    private static String read(String file) throws IOException {
        return Files.isReadable(Path.of(file)) ? Files.readString(Path.of(file)).strip() : null;
    }

    /** The text whose digest is the thumbprint: what was sent, unchanged. */
    static String canonical(Object machine) {
        return Json.write(Json.of("computer_name", text(machine, "computer_name"),
                "mac_addresses", list(machine, "mac_addresses"),
                "machine_id", text(machine, "machine_id")));
    }

    /** A machine's three components in their normal form; those that it lacks are empty. */
    static List<Set<String>> normal(Object machine) {
        String id = fold(text(machine, "machine_id")).replaceAll("[^\\p{L}\\p{N}]", "");
        String name = fold(text(machine, "computer_name")).strip().replaceFirst("(?U)[\\s.]+$", "");
        if (!name.matches("\\d+(\\.\\d+){3}")) name = name.replaceFirst("(?s)\\..*", "").strip();
        Set<String> addresses = list(machine, "mac_addresses").stream()
                .map(mac -> fold(mac).replaceAll("(?U)[\\s:.-]", ""))
                .filter(mac -> mac.matches("(?!0{12})[0-9a-f][02468ace][0-9a-f]{10}")) // no group's
                .collect(Collectors.toSet());
        return List.of(id.isEmpty() ? Set.of() : Set.of(id), addresses,
                name.isEmpty() ? Set.of() : Set.of(name));
    }

    /** Java has no case folding: to upper case, then letter by letter to lower case. */
    private static String fold(Object text) {
        String upper = Normalizer.normalize(text instanceof String string ? string : "",
                Normalizer.Form.NFKC).toUpperCase(Locale.ROOT);
        String lower = upper.codePoints().mapToObj(Character::toString)
                .map(letter -> letter.toLowerCase(Locale.ROOT)).collect(Collectors.joining());
        return Normalizer.normalize(lower.replace("ß", "ss"), Normalizer.Form.NFKC);
    }

    /** Whether two of the three are the same; of the addresses, one is enough. */
    static boolean areSame(Object one, Object other) {
        List<Set<String>> these = normal(one), those = normal(other);
        return IntStream.range(0, 3).filter(i -> !Collections.disjoint(these.get(i), those.get(i)))
                .count() >= 2;
    }

    // -- small tools ------------------------------------------------------------------------------

    /** The agent's folder: for one process at a time, its files for their owner alone. */
    record Disk(Path folder, FileChannel lock) {
        private static final FileAttribute<?>[] OWNERS =
                FileSystems.getDefault().supportedFileAttributeViews().contains("posix")
                ? new FileAttribute<?>[] {PosixFilePermissions.asFileAttribute(
                        PosixFilePermissions.fromString("rw-------"))} : new FileAttribute<?>[0];

        static Disk of(Path folder) throws IOException {
            FileChannel lock = FileChannel.open(Files.createDirectories(folder).resolve("lock"),
                    Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE), OWNERS);
            if (lock.tryLock() != null) return new Disk(folder, lock); // while this runs
            throw new IOException("Another process uses " + folder + ".");
        }

        Map<String, Object> read(String name) throws IOException {
            Path file = folder.resolve(name);
            try {
                return Files.exists(file) ? object(Json.read(Files.readAllBytes(file))) : Map.of();
            } catch (IllegalArgumentException damaged) {
                throw new IOException(file + " is damaged.");
            }
        }

        synchronized void write(String name, Map<String, Object> json) throws IOException {
            Path fresh = Files.createTempFile(folder, name, null); // for its owner alone
            try {
                try (var file = new RandomAccessFile(fresh.toFile(), "rws")) { // s: an fsync
                    file.write(utf8(Json.write(json)));
                }
                Files.move(fresh, folder.resolve(name), StandardCopyOption.ATOMIC_MOVE);
            } finally {
                Files.deleteIfExists(fresh);
            }
        }
    }

    static byte[] utf8(String text) { return text.getBytes(UTF_8); }

    static String sha256(String text) {
        return base64url(sure(() -> MessageDigest.getInstance("SHA-256").digest(utf8(text))));
    }

    static String base64url(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    static byte[] unbase64url(String text) {
        byte[] bytes = Base64.getUrlDecoder().decode(text);
        if (base64url(bytes).equals(text)) return bytes; // Java takes padding and idle bits, too
        throw new IllegalArgumentException("This is not canonical base64url.");
    }

    /** The seconds of a time of the service's; 0 if it is none. */
    static long seconds(String time) {
        try {
            return Instant.parse(String.valueOf(time)).getEpochSecond();
        } catch (DateTimeException none) {
            return 0;
        }
    }

    /** What every JDK can do. */
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

        static Map<String, Object> of(Object... namesAndValues) {
            Map<String, Object> object = new LinkedHashMap<>();
            for (int i = 0; i < namesAndValues.length; i += 2)
                object.put((String) namesAndValues[i], namesAndValues[i + 1]);
            return object;
        }

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
            if (word.matches("-?(0|[1-9]\\d*)(\\.\\d+)?([eE][+-]?\\d+)?"))
                return Double.valueOf(word);
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

        /** Compact, and escaped as in a thumbprint (step 2). */
        static String write(Object value) {
            if (value instanceof Map<?, ?> object)
                return object.entrySet().stream()
                        .map(member -> write(member.getKey()) + ":" + write(member.getValue()))
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
