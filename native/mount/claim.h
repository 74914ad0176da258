/* Claims: which host may use a volume of an export that several hosts reach. */
#ifndef CASTLE_MOUNT_CLAIM_H
#define CASTLE_MOUNT_CLAIM_H

/*
 * A claim on VOLUME is the folder `.claims/VOLUME` with one file in it, named after the claimant. It is made elsewhere and
 * renamed into its place, which succeeds when nothing is there or an empty folder (rename(2)), in one step on the server:
 * of several hosts one gets it. The file's name is in no other claim, so that who gives up a claim can take away no one
 * else's; and an empty folder, which is what is left of one that was given up, claims nothing.
 */

/*
 * Takes a claim; one that the claimant has already is taken.
 *
 * export    descriptor of the export's root
 * claimant  a file name; where its claim is made is named after it
 * text      what others read in it
 *
 * Returns 0, or -1 and errno: EEXIST when another one has it.
 */
int take_claim(int export, const char *volume, const char *claimant, const char *text);

/* Gives a claim up; one that the claimant doesn't have is given up. Returns 0, or -1 and errno. */
int give_up_claim(int export, const char *volume, const char *claimant);

/*
 * Prints the claimant and the text of a claim, each a line; nothing when there is none. Returns 0, or -1 and errno.
 */
int print_claim(int export, const char *volume);

/* Prints all claims of a claimant: the volumes, a line each. Returns 0, or -1 and errno. */
int print_claims_of(int export, const char *claimant);

#endif
