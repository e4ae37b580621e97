/* From the text of a value to the value. Each returns false with what would be right in `right`. */
#ifndef CONFIG_BINDER_VALUES_H
#define CONFIG_BINDER_VALUES_H

#include "config/binder.h"

bool value_choice(const struct key *k, const char *text, unsigned *chosen, char *right, size_t size);
bool value_number(const struct key *k, const char *text, int64_t *value, char *right, size_t size);

/* KEY_BOOL, KEY_CHOICE, KEY_NUMBER, KEY_SIZE, KEY_DURATION, KEY_SHARE, KEY_FACTOR: into the field itself. */
bool value_store(const struct key *k, void *field, const char *text, char *right, size_t size);

#endif
