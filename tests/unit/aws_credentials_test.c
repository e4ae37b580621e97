/* aws/credentials: each place where they may be found, and in which order; roles; what is said when there are none. No
 * sentence holds anything of a key. tests/unit/aws_identity_test.c has their renewal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "aws/credentials.h"
#include "unit/aws_place.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* --- all of AWS --------------------------------------------------------------------------------------------------- */

#define SECRETS(token) "\"SecretAccessKey\":\"" PLACE_SECRET "\",\"" token "\":\"" PLACE_TOKEN "\""

/* What the server does otherwise than usual; 0: nothing. */
static struct {
    atomic_int sts_status, container_status, container_failures, token_status, role_status, no_role, unlucky;
} odd;

static char sts_body[1024], json_body[512], machine_body[512], failed_machine_body[512];

static void prepare_bodies(void) {
    char end[32];
    place_time(3600, end);
    snprintf(json_body, sizeof json_body,
             "{\"AccessKeyId\":\"AKIDCONTAINER\"," SECRETS("Token") ",\"Expiration\":\"%s\"}", end);
    snprintf(machine_body, sizeof machine_body,
             "{\"Code\" : \"Success\",\"AccessKeyId\":\"AKIDMACHINE\"," SECRETS("Token") ",\"Expiration\":\"%s\"}",
             end);
    snprintf(failed_machine_body, sizeof failed_machine_body, "{\"Code\":\"AssumeRoleUnauthorizedAccess\"}");
    snprintf(
        sts_body, sizeof sts_body,
        "<R xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><X><Credentials><AccessKeyId>AKIDROLE</AccessKeyId>"
        "<SecretAccessKey>" PLACE_SECRET "</SecretAccessKey><SessionToken>" PLACE_TOKEN
        "</SessionToken><Expiration>%s</Expiration></Credentials></X></R>",
        end);
}

static bool begins(const struct receiver_request *r, const char *text) {
    return strncmp(r->head, text, strlen(text)) == 0;
}

static struct receiver_reply answer_machine(const struct receiver_request *r) {
    if (begins(r, "PUT /latest/api/token"))
        return (struct receiver_reply){.status = odd.token_status, .body = "IMDSTOKEN=="};
    if (!strstr(r->head, "IMDSTOKEN=="))
        return (struct receiver_reply){.status = 401};
    if (begins(r, "GET /latest/meta-data/placement/region"))
        return (struct receiver_reply){.body = "eu-south-2"};
    if (begins(r, "GET /latest/meta-data/iam/security-credentials/ "))
        return odd.no_role ? (struct receiver_reply){.status = 404} : (struct receiver_reply){.body = "a role\n"};
    if (begins(r, "GET /latest/meta-data/iam/security-credentials/a%20role "))
        return (struct receiver_reply){.status = odd.role_status,
                                       .body = odd.unlucky ? failed_machine_body : machine_body};
    return (struct receiver_reply){.status = 404};
}

static struct receiver_reply answer(size_t number, const struct receiver_request *r) {
    static const char refusal[] =
        "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User is not "
        "authorized " PLACE_SECRET "</Message></Error></ErrorResponse>";
    (void)number;
    if (begins(r, "POST / ") && odd.sts_status)
        return (struct receiver_reply){.status = odd.sts_status, .body = refusal};
    if (begins(r, "POST / "))
        return (struct receiver_reply){.body = sts_body};
    if (begins(r, "GET /container?x=1 ") && atomic_load(&odd.container_failures) > 0) {
        atomic_fetch_sub(&odd.container_failures, 1);
        return (struct receiver_reply){.status = 500};
    }
    if (begins(r, "GET /container?x=1 "))
        return (struct receiver_reply){.status = odd.container_status, .body = json_body};
    return answer_machine(r);
}

/* --- asking ------------------------------------------------------------------------------------------------------- */

static struct http_pool *pool;
static struct err err;

/* The access key that is found; "" and `err`: none. */
static const char *found(const struct aws_settings *settings) {
    static char key[128];
    struct aws_identity *i = aws_identity_create(settings, pool);
    struct aws_credentials c;
    err = (struct err){0};
    bool ok = aws_identity_get(i, &c, NULL, &err);
    snprintf(key, sizeof key, "%s", ok ? c.access_key : "");
    if (ok) {
        assert_string_equal(c.secret_key, PLACE_SECRET);
    } else {
        assert_true(err.text[0]);
        assert_null(strstr(err.text, "canary"));
    }
    aws_credentials_deinit(&c);
    aws_identity_destroy(i);
    return key;
}

static void expect_refusal(const struct aws_settings *settings, const char *words) {
    assert_string_equal(found(settings), "");
    if (!strstr(err.text, words))
        fail_msg("%s\n   does not say: %s", err.text, words);
}

static const struct receiver_request *last_request(void) {
    size_t count = receiver_count(place_server);
    return count ? &place_server->requests[count - 1] : NULL;
}

static const struct aws_settings nothing;

#define KEYS(name) "aws_access_key_id = " name "\naws_secret_access_key = " PLACE_SECRET "\n"

/* --- order -------------------------------------------------------------------------------------------------------- */

static void set_all_places(void) {
    setenv("AWS_ACCESS_KEY_ID", "AKIDENV", 1);
    setenv("AWS_SECRET_ACCESS_KEY", PLACE_SECRET, 1);
    place_write("AWS_WEB_IDENTITY_TOKEN_FILE", "token", "the web token\n");
    setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/web", 1);
    place_set("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:%d");
    place_write("AWS_SHARED_CREDENTIALS_FILE", "creds",
                "[default]\n" KEYS("AKIDDEFAULT") "[other]\n" KEYS("AKIDOTHER"));
    place_set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:%d/container?x=1");
    place_set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:%d/");
    unsetenv("AWS_EC2_METADATA_DISABLED");
}

static void places_are_asked_in_order(void **state) {
    (void)state;
    char key[] = "AKIDSETTINGS", secret[] = PLACE_SECRET, profile[] = "other";
    struct aws_settings settings = {.access_key_id = key, .secret_access_key = secret};
    struct aws_settings named = {.profile = profile};
    set_all_places();
    assert_string_equal(found(&settings), "AKIDSETTINGS");
    assert_string_equal(found(&named), "AKIDOTHER");
    assert_string_equal(found(&nothing), "AKIDENV");
    unsetenv("AWS_ACCESS_KEY_ID");
    assert_string_equal(found(&nothing), "AKIDROLE"); /* web identity */
    unsetenv("AWS_WEB_IDENTITY_TOKEN_FILE");
    assert_string_equal(found(&nothing), "AKIDDEFAULT");
    setenv("AWS_PROFILE", "other", 1);
    assert_string_equal(found(&nothing), "AKIDOTHER");
    unsetenv("AWS_PROFILE");
    unsetenv("AWS_SHARED_CREDENTIALS_FILE");
    assert_string_equal(found(&nothing), "AKIDCONTAINER");
    unsetenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    assert_string_equal(found(&nothing), "AKIDMACHINE");
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    expect_refusal(&nothing, "no AWS credentials: environment: AWS_ACCESS_KEY_ID is not set; web identity: ");
    assert_non_null(strstr(err.text, "EC2 metadata: AWS_EC2_METADATA_DISABLED"));
}

static void what_is_set_up_and_does_not_work_is_said(void **state) {
    (void)state;
    set_all_places();
    unsetenv("AWS_SECRET_ACCESS_KEY");
    expect_refusal(&nothing, "AWS_SECRET_ACCESS_KEY is not");
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_ROLE_ARN");
    expect_refusal(&nothing, "AWS_ROLE_ARN is not");
    setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/web", 1);
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token", 1);
    expect_refusal(&nothing, "/nowhere/token");
    unsetenv("AWS_WEB_IDENTITY_TOKEN_FILE");
    setenv("AWS_PROFILE", "missing", 1);
    expect_refusal(&nothing, "there is no profile missing");
}

/* --- roles -------------------------------------------------------------------------------------------------------- */

static void web_identity_sends_its_token_unsigned(void **state) {
    (void)state;
    set_all_places();
    unsetenv("AWS_ACCESS_KEY_ID");
    assert_string_equal(found(&nothing), "AKIDROLE");
    const struct receiver_request *r = last_request();
    assert_null(strcasestr(r->head, "\r\nauthorization:"));
    assert_string_equal(r->body, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3A"
                                 "role%2Fweb&RoleSessionName=ses-collector&WebIdentityToken=the%20web%20token");
    place_write(NULL, "token", "another");
    assert_string_equal(found(&nothing), "AKIDROLE");
    assert_non_null(strstr(last_request()->body, "WebIdentityToken=another"));
}

static const char roles[] = "[base]\n" KEYS(
    "AKIDBASE") "[profile one]\nrole_arn = arn:aws:iam::1:role/one\nsource_profile = base\nexternal_id = ex/id\n"
                "role_session_name = me\nduration_seconds = 900\nregion = eu-west-3\n"
                "[profile two]\nrole_arn = arn:aws:iam::1:role/two\nsource_profile = one\n"
                "[profile self]\nrole_arn = arn:aws:iam::1:role/self\nsource_profile = self\n" KEYS(
                    "AKIDSELF") "[profile a]\nrole_arn = arn:aws:iam::1:role/a\nsource_profile = b\n"
                                "[profile b]\nrole_arn = arn:aws:iam::1:role/b\nsource_profile = a\n"
                                "[profile r1]\nrole_arn = x\nsource_profile = r2\n[profile r2]\nrole_arn = "
                                "x\nsource_profile = r3\n"
                                "[profile r3]\nrole_arn = x\nsource_profile = r4\n[profile r4]\nrole_arn = "
                                "x\nsource_profile = r5\n"
                                "[profile r5]\nrole_arn = x\nsource_profile = r6\n[profile r6]\nrole_arn = "
                                "x\nsource_profile = keys\n"
                                "[profile keys]\n" KEYS(
                                    "AKIDKEYS") "[profile lost]\nrole_arn = x\nsource_profile = nowhere\n"
                                                "[profile alone]\nrole_arn = x\n"
                                                "[profile env]\nrole_arn = "
                                                "arn:aws-cn:iam::1:role/env\ncredential_source = Environment\n"
                                                "[profile ecs]\nrole_arn = x\ncredential_source = EcsContainer\n"
                                                "[profile ec2]\nrole_arn = x\ncredential_source = Ec2InstanceMetadata\n"
                                                "[profile moon]\nrole_arn = x\ncredential_source = Moon\n"
                                                "[profile web]\nrole_arn = "
                                                "arn:aws:iam::1:role/w\nweb_identity_token_file = /nowhere/web\n"
                                                "[profile half]\naws_access_key_id = AKIDHALF\n"
                                                "[profile sso]\nsso_session = x\n"
                                                "[profile bare]\nregion = eu-west-1\n";

static const char *found_in(const char *profile) {
    char name[32];
    snprintf(name, sizeof name, "%s", profile);
    return found(&(struct aws_settings){.profile = name});
}

static void set_roles(void) {
    place_write("AWS_CONFIG_FILE", "conf", roles);
    place_write("AWS_SHARED_CREDENTIALS_FILE", "creds", "[base]\n" KEYS("AKIDBASE"));
    place_set("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:%d");
}

static void profiles_assume_roles_one_after_the_other(void **state) {
    (void)state;
    set_roles();
    size_t before = receiver_count(place_server);
    assert_string_equal(found_in("two"), "AKIDROLE");
    assert_int_equal(receiver_count(place_server), before + 2);
    const struct receiver_request *one = &place_server->requests[before], *two = one + 1;
    assert_non_null(strstr(one->head, "Credential=AKIDBASE/"));
    assert_non_null(strstr(one->head, "/eu-west-3/sts/aws4_request"));
    assert_string_equal(one->body, "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fone&"
                                   "RoleSessionName=me&DurationSeconds=900&ExternalId=ex%2Fid");
    assert_non_null(strstr(two->head, "Credential=AKIDROLE/"));
    assert_non_null(strcasestr(two->head, "\r\nx-amz-security-token: " PLACE_TOKEN));
    assert_non_null(strstr(two->body, "role%2Ftwo"));
    assert_string_equal(found_in("self"), "AKIDROLE");
    assert_non_null(strstr(last_request()->head, "Credential=AKIDSELF/"));
}

static void credential_sources_are_the_named_ones(void **state) {
    (void)state;
    set_all_places();
    unsetenv("AWS_WEB_IDENTITY_TOKEN_FILE");
    set_roles();
    assert_string_equal(found_in("env"), "AKIDROLE");
    assert_non_null(strstr(last_request()->head, "Credential=AKIDENV/"));
    assert_non_null(strstr(last_request()->head, "/cn-northwest-1/sts/"));
    assert_string_equal(found_in("ecs"), "AKIDROLE");
    assert_non_null(strstr(last_request()->head, "Credential=AKIDCONTAINER/"));
    assert_string_equal(found_in("ec2"), "AKIDROLE");
    assert_non_null(strstr(last_request()->head, "Credential=AKIDMACHINE/"));
}

static void profiles_that_cannot_be_say_why(void **state) {
    (void)state;
    static const struct {
        const char *profile, *words;
    } cases[] = {
        {"a", "leads back to it"},
        {"r1", "more than 5 roles"},
        {"lost", "source_profile nowhere does not exist"},
        {"alone", "role_arn needs source_profile or credential_source"},
        {"moon", "credential_source is Environment, EcsContainer or Ec2InstanceMetadata"},
        {"env", "AWS_ACCESS_KEY_ID is not set"},
        {"web", "/nowhere/web"},
        {"half", "half a key"},
        {"sso", "credential_process = aws configure export-credentials --profile sso"},
        {"bare", "profile bare has no credentials"},
        {"nobody", "there is no profile nobody"},
    };
    set_roles();
    for (size_t i = 0; i < COUNT(cases); i++) {
        char name[32];
        snprintf(name, sizeof name, "%s", cases[i].profile);
        expect_refusal(&(struct aws_settings){.profile = name}, cases[i].words);
    }
}

static void role_of_the_settings_comes_on_top(void **state) {
    (void)state;
    char arn[] = "arn:aws:iam::1:role/top", external[] = "secret id", session[] = "mine", region[] = "ap-south-1";
    struct aws_settings settings = {
        .role_arn = arn, .external_id = external, .role_session_name = session, .region = region};
    set_all_places();
    assert_string_equal(found(&settings), "AKIDROLE");
    const struct receiver_request *r = last_request();
    assert_non_null(strstr(r->head, "Credential=AKIDENV/"));
    assert_non_null(strstr(r->head, "/ap-south-1/sts/"));
    assert_non_null(strstr(r->body, "RoleSessionName=mine&ExternalId=secret%20id"));
    odd.sts_status = 403;
    expect_refusal(&settings, "STS AssumeRole of arn:aws:iam::1:role/top: AccessDenied (HTTP 403): User is not");
    odd.sts_status = 503;
    size_t before = receiver_count(place_server);
    expect_refusal(&settings, "HTTP 503");
    assert_int_equal(receiver_count(place_server), before + 3);
}

/* --- processes ---------------------------------------------------------------------------------------------------- */

static const char *process(const char *command) {
    char text[2048];
    snprintf(text, sizeof text, "[default]\ncredential_process = %s\n", command);
    place_write("AWS_CONFIG_FILE", "conf", text);
    return found(&nothing);
}

static void a_process_prints_credentials(void **state) {
    (void)state;
    static const char json[] =
        "printf '{\"Version\":1,\"AccessKeyId\":\"AKID%s\"," SECRETS("SessionToken") "}' PROCESS";
    assert_string_equal(process(json), "AKIDPROCESS");
    setenv("AWS_TEST_NAME", "FROMENV", 1);
    assert_string_equal(process("echo '{\"Version\":1,\"AccessKeyId\":\"'$AWS_TEST_NAME'\"," SECRETS(
                            "SessionToken") ",\"Expiration\":\"2099-01-01T00:00:00+00:00\"}'"),
                        "FROMENV");
}

static void a_process_that_fails_is_said(void **state) {
    (void)state;
    static const struct {
        const char *command, *words;
    } cases[] = {
        {"exit 7", "exit code 7"},
        {"kill -9 $$", "ended by a signal"},
        {"echo " PLACE_SECRET, "JSON of version 1"},
        {"echo '{\"Version\":2}'", "JSON of version 1"},
        {"echo '{\"Version\":1}'", "gave no AccessKeyId"},
        {"echo '{\"Version\":1,\"AccessKeyId\":\"A\"," SECRETS("T") ",\"Expiration\":\"soon\"}'",
         "whose end is no time"},
        {"echo '{\"Version\":1,\"AccessKeyId\":\"A\"," SECRETS("T") ",\"Expiration\":\"2001-01-01T00:00:00Z\"}'",
         "expired already"},
        {"yes", "prints more than 65536 bytes"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_string_equal(process(cases[i].command), "");
        if (!strstr(err.text, cases[i].words))
            fail_msg("%s\n   does not say: %s", err.text, cases[i].words);
    }
}

static void *stop_soon(void *stop) {
    usleep(200000);
    atomic_store((atomic_bool *)stop, true);
    return NULL;
}

static void a_process_that_hangs_ends_with_us(void **state) {
    (void)state;
    atomic_bool stop = false;
    struct aws_credentials c;
    struct err why = {0};
    pthread_t thread;
    place_write("AWS_CONFIG_FILE", "conf", "[default]\ncredential_process = sleep 50; echo x\n");
    struct aws_identity *i = aws_identity_create(&nothing, pool);
    int64_t begun_ns = clock_monotonic_ns();
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, &stop), 0);
    assert_false(aws_identity_get(i, &c, &stop, &why));
    assert_true(clock_monotonic_ns() - begun_ns < 10 * INT64_C(1000000000));
    pthread_join(thread, NULL);
    aws_identity_destroy(i);
}

/* --- the container ------------------------------------------------------------------------------------------------ */

static void the_containers_token_is_read_each_time(void **state) {
    (void)state;
    char value[128];
    place_set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://localhost:%d/container?x=1");
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "of the variable", 1);
    assert_string_equal(found(&nothing), "AKIDCONTAINER");
    assert_string_equal(receiver_header(last_request(), "authorization", value, sizeof value), "of the variable");
    place_write("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "pod", "of the file");
    assert_string_equal(found(&nothing), "AKIDCONTAINER");
    assert_string_equal(receiver_header(last_request(), "authorization", value, sizeof value), "of the file");
    place_write(NULL, "pod", "renewed\n");
    assert_string_equal(found(&nothing), "AKIDCONTAINER");
    assert_string_equal(receiver_header(last_request(), "authorization", value, sizeof value), "renewed");
    size_t before = receiver_count(place_server);
    place_write(NULL, "pod", PLACE_TOKEN "\r\nx-evil: 1");
    expect_refusal(&nothing, "holds a line's end");
    assert_int_equal(receiver_count(place_server), before);
}

static void the_container_may_fail_twice(void **state) {
    (void)state;
    place_set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:%d/container?x=1");
    odd.container_failures = 2;
    assert_string_equal(found(&nothing), "AKIDCONTAINER");
    odd.container_failures = 3;
    expect_refusal(&nothing, "HTTP 500");
    odd.container_failures = 0;
    odd.container_status = 403;
    expect_refusal(&nothing, "HTTP 403");
}

static void tokens_go_to_the_machine_itself_only(void **state) {
    (void)state;
    static const char *const bad[] = {
        "http://example.com/x",
        "http://169.254.169.254/x",
        "http://127.0.0.1.example.com/x",
        "http://127.example.com/x",
        "http://10.0.0.1/x",
        "http://169.254.170.2@example.com/x",
        "http:/example.com/",
        "http:/example.com/://127.0.0.1/",
        "http:///127.0.0.1/",
        "http://localhost.example/x",
        "ftp://127.0.0.1/x",
        "http://[fd00:ec2::254]/x",
        "http://127.0.0.1@127.0.0.1/",
        "nothing",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", bad[i], 1);
        expect_refusal(&nothing, "AWS credentials, container: ");
    }
    unsetenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@example.com/", 1);
    expect_refusal(&nothing, "does not begin with a slash");
}

/* --- the machine -------------------------------------------------------------------------------------------------- */

static void the_machine_gives_what_it_has(void **state) {
    (void)state;
    place_set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:%d");
    unsetenv("AWS_EC2_METADATA_DISABLED");
    size_t before = receiver_count(place_server);
    assert_string_equal(found(&nothing), "AKIDMACHINE");
    assert_int_equal(receiver_count(place_server), before + 3);
    assert_non_null(strcasestr(place_server->requests[before].head, "\r\nx-aws-ec2-metadata-token-ttl-seconds: 21600"));
    struct aws_identity *i = aws_identity_create(&nothing, pool);
    assert_null(aws_identity_region(i, false, NULL));
    char *region = aws_identity_region(i, true, NULL);
    assert_string_equal(region, "eu-south-2");
    free(region);
    aws_identity_destroy(i);
    odd.unlucky = true;
    expect_refusal(&nothing, "no credentials for it now");
    odd.no_role = true;
    expect_refusal(&nothing, "EC2 metadata: no role is attached to the machine");
    odd.token_status = 403;
    expect_refusal(&nothing, "EC2 metadata: no IMDSv2 token (HTTP 403)");
}

/* ------------------------------------------------------------------------------------------------------------------ */

static int open_place(void **state) {
    (void)state;
    place_open(answer);
    prepare_bodies();
    pool = http_pool_create(&(struct http_pool_options){0}, NULL);
    return pool ? 0 : -1;
}

static int close_place(void **state) {
    (void)state;
    http_pool_destroy(pool);
    place_close();
    return 0;
}

static int begin(void **state) {
    (void)state;
    place_clean_environment();
    odd.sts_status = odd.container_status = odd.container_failures = odd.token_status = odd.role_status = odd.no_role =
        odd.unlucky = 0;
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(places_are_asked_in_order, begin),
        cmocka_unit_test_setup(what_is_set_up_and_does_not_work_is_said, begin),
        cmocka_unit_test_setup(web_identity_sends_its_token_unsigned, begin),
        cmocka_unit_test_setup(profiles_assume_roles_one_after_the_other, begin),
        cmocka_unit_test_setup(credential_sources_are_the_named_ones, begin),
        cmocka_unit_test_setup(profiles_that_cannot_be_say_why, begin),
        cmocka_unit_test_setup(role_of_the_settings_comes_on_top, begin),
        cmocka_unit_test_setup(a_process_prints_credentials, begin),
        cmocka_unit_test_setup(a_process_that_fails_is_said, begin),
        cmocka_unit_test_setup(a_process_that_hangs_ends_with_us, begin),
        cmocka_unit_test_setup(the_containers_token_is_read_each_time, begin),
        cmocka_unit_test_setup(the_container_may_fail_twice, begin),
        cmocka_unit_test_setup(tokens_go_to_the_machine_itself_only, begin),
        cmocka_unit_test_setup(the_machine_gives_what_it_has, begin),
    };
    return cmocka_run_group_tests(tests, open_place, close_place);
}
