/* The recorder's side towards vfs.c; record.c. What Swift sees is in CFaultVFS.h. */
#ifndef BACKSTAY_CFAULTVFS_RECORD_H
#define BACKSTAY_CFAULTVFS_RECORD_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

/* What an open file remembers; all zeros for one that is not recorded. */
struct recorded {
    uint64_t recording; /* the recording that it was opened in */
    int32_t file;
    bool is_new;       /* the open creates it */
    bool syncs_folder; /* its next sync makes the folder's entries durable, too */
};

/* Before the open, and after it succeeded. */
struct recorded backstay_record_opening(const char *name, int flags);
void backstay_record_opened(const struct recorded *file);

/* Each is called after the event happened to the file. */
void backstay_record_wrote(const struct recorded *file, const void *bytes, int count, int64_t offset);
void backstay_record_truncated(const struct recorded *file, int64_t size);
void backstay_record_synced(struct recorded *file);
void backstay_record_deleted(const char *name, bool is_durable);

#endif
