#ifndef BAILEY_HELP_TEXTS_H
#define BAILEY_HELP_TEXTS_H

/* The texts of --help, --version and similar options of each dialect. */
extern const char bailey_help[], bailey_version[];
extern const char tini_help[], tini_version[];
extern const char dumb_init_help[], dumb_init_usage[], dumb_init_rewrite_usage[], dumb_init_version[];
extern const char catatonit_help[], catatonit_usage[], catatonit_version[];
extern const char licence[];

#endif
