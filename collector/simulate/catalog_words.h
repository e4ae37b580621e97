/* The words that names, domains and subjects are made of. Plain UTF-8, not escaped. */
#ifndef SIMULATE_CATALOG_WORDS_H
#define SIMULATE_CATALOG_WORDS_H

#include <stdint.h>

enum { CATALOG_WORDS = 64 };
extern const char *const catalog_words_first[CATALOG_WORDS];
extern const char *const catalog_words_second[CATALOG_WORDS];
extern const char *const catalog_first_names[CATALOG_WORDS];
extern const char *const catalog_last_names[CATALOG_WORDS];

/* One that ends in # is followed by a number. */
extern const char *const catalog_subjects[];
extern const uint32_t catalog_subject_count;

#endif
