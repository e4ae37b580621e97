/* The keys of an `aws` section, for whatever struct holds aws_settings. */
#ifndef CONFIG_KEYS_AWS_H
#define CONFIG_KEYS_AWS_H

#include "aws/settings.h"
#include "config/keys.h"
#include "config/words.h"

/* clang-format off */
#define AWS_KEYS(type, member) \
    {"region", KEY_TEXT, 0, FIELD(type, member.region), .wrong = region_wrong, \
     .shown_default = "that of the environment, the profile or the machine", .means = "The region, as in eu-west-1."}, \
    {"profile", KEY_TEXT, 0, FIELD(type, member.profile), .wrong = name_wrong, \
     .means = "The profile of ~/.aws/config and ~/.aws/credentials."}, \
    {"access_key_id", KEY_TEXT, 0, FIELD(type, member.access_key_id), .wrong = name_wrong, \
     .shown_default = "found as AWS's own tools find it", .means = "The key to sign with."}, \
    {"secret_access_key", KEY_TEXT, KEY_SECRET, FIELD(type, member.secret_access_key), .wrong = line_wrong, \
     .means = "The secret of that key."}, \
    {"session_token", KEY_TEXT, KEY_SECRET, FIELD(type, member.session_token), .wrong = line_wrong, \
     .means = "The token of temporary keys."}, \
    {"role_arn", KEY_TEXT, 0, FIELD(type, member.role_arn), .wrong = line_wrong, \
     .means = "A role to assume with what was found."}, \
    {"role_session_name", KEY_TEXT, 0, FIELD(type, member.role_session_name), \
     .shown_default = "`ses-collector`", .wrong = name_wrong, .means = "What the role's session is called in CloudTrail."}, \
    {"external_id", KEY_TEXT, 0, FIELD(type, member.external_id), .wrong = line_wrong, \
     .means = "The external id that the role asks for."}, \
    {"endpoint", KEY_TEXT, 0, FIELD(type, member.endpoint), .wrong = url_wrong, \
     .shown_default = "AWS's own", .means = "The URL of an S3-compatible store, or of what stands for AWS."}, \
    {"ca_file", KEY_PATH, KEY_READABLE, FIELD(type, member.ca_file), .shown_default = "the system's certificates", \
     .means = "Certificates to trust instead (PEM)."}, \
    {"fips", KEY_BOOL, 0, FIELD(type, member.fips), .fallback = "false", .means = "Use FIPS endpoints."}, \
    {"dual_stack", KEY_BOOL, 0, FIELD(type, member.dual_stack), .fallback = "false", \
     .means = "Use endpoints that have IPv6 too."}, \
    {"anonymous", KEY_BOOL, 0, FIELD(type, member.anonymous), .fallback = "false", \
     .means = "Do not sign requests: for public buckets."}
/* clang-format on */

#endif
