/* Keeps what the service knows in the state file, and takes it up again: numbers of names, the key of duplicates,
 * counts, alerts, positions, and what is still to be told. */
#ifndef PIPELINE_KEEPER_H
#define PIPELINE_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/hash.h"
#include "core/intern.h"
#include "model/event.h"
#include "model/provider.h"
#include "model/state_io.h"
#include "state/store.h"

struct keeper;

/* Names whose numbers must mean the same for ever. */
struct keeper_names {
    struct intern *sets, *identities, *templates, *sources, *rules;
    struct intern *tag_names;             /* which tags there ever were */
    struct intern *tags[EVENT_MAX_TAGS];  /* values of those that are views now */
    uint32_t tag_numbers[EVENT_MAX_TAGS]; /* their numbers in tag_names */
    unsigned tag_count;
};

/* NULL path: nothing outlives the process. Returns new; NULL with `why` and `err` when the file is refused. */
struct keeper *keeper_open(const char *path, enum store_refusal *why, struct err *err);
void keeper_close(struct keeper *k); /* NULL is allowed */

const struct hash_key *keeper_key(const struct keeper *k); /* of this file, for ever */
const char *keeper_id(const struct keeper *k);             /* which file it is: 16 hex digits */
uint64_t keeper_bytes(const struct keeper *k);

/* First of all: which tags the file knows, so that those asked for now get their numbers. */
bool keeper_load_tag_names(struct keeper *k, struct intern *tag_names, struct err *err);
/* Fills the tables, which are empty, with the names of the file, under their numbers. Borrows them from then on. */
bool keeper_load_names(struct keeper *k, const struct keeper_names *names, struct err *err);
/* The built-in table, with the numbers of the file. Returns new. */
struct provider_table *keeper_make_providers(struct keeper *k, struct err *err);

struct state_reader keeper_reader(struct keeper *k);
struct state_writer keeper_writer(struct keeper *k); /* between begin and commit */

void keeper_begin(struct keeper *k);
/* The caller's cells are written in between; names are written by commit, `providers` too. */
enum store_result keeper_commit(struct keeper *k, const struct provider_table *providers, struct err *err);

/* Positions and messages, in a commit or to be read. */
struct store *keeper_store(struct keeper *k);

#endif
