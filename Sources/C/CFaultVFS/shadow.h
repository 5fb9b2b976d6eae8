/* The shadow folder: the disk as it would be after a power cut. Used by vfs.c alone. */
#ifndef BACKSTAY_CFAULTVFS_SHADOW_H
#define BACKSTAY_CFAULTVFS_SHADOW_H

#include "CFaultVFS.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

struct shadow;

/* Files of the folder have shadows from now on. False if there is no memory. */
bool backstay_shadow_begin(const char *folder, const char *shadow, bool tears, uint64_t seed, bool adopts);

/* The shadow of a file, the same for every descriptor of it; NULL for files outside the folder. */
struct shadow *backstay_shadow_find(const char *name);

/* Each is called after the event happened to the real file. If the shadow is NULL, it does nothing. */
void backstay_shadow_wrote(struct shadow *shadow, sqlite3_file *real, int64_t offset, int64_t count);
void backstay_shadow_truncated(struct shadow *shadow, int64_t size);
void backstay_shadow_deleted(struct shadow *shadow, bool is_durable);
/* SQLITE_OK, or an error if the shadow cannot be written. */
int backstay_shadow_synced(struct shadow *shadow, sqlite3_file *real);
/* A sync failed. `pages` says what becomes of the dirty sectors. */
void backstay_shadow_sync_failed(
    struct shadow *shadow, sqlite3_file *real, enum backstay_fault_pages pages, uint64_t seed);

#endif
