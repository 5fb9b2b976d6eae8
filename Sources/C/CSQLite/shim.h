// The system's SQLite, and the one variadic call that Swift cannot make.
#ifndef BACKSTAY_CSQLITE_SHIM_H
#define BACKSTAY_CSQLITE_SHIM_H

#include <sqlite3.h>

// sqlite3_db_config() takes its arguments through `...`. For the on/off switches these are always
// an int and an int pointer: https://www.sqlite.org/c3ref/c_dbconfig_defensive.html
static inline int csqlite_db_config_switch(sqlite3 *db, int op, int onoff) {
    int now = 0;
    int rc = sqlite3_db_config(db, op, onoff, &now);
    return rc != SQLITE_OK ? rc : (now == onoff ? SQLITE_OK : SQLITE_MISUSE);
}

// Extended result codes are macros with a shift, which Swift does not import.
static const int CSQLITE_IOERR_FSYNC = SQLITE_IOERR_FSYNC;
static const int CSQLITE_IOERR_DIR_FSYNC = SQLITE_IOERR_DIR_FSYNC;
static const int CSQLITE_IOERR_SHMLOCK = SQLITE_IOERR_SHMLOCK;
static const int CSQLITE_IOERR_SHMSIZE = SQLITE_IOERR_SHMSIZE;

#endif
