/* Claims decide which host may use a volume of an NFS export that several hosts reach. */
#ifndef CASTLE_MOUNT_VOLUME_CLAIM_H
#define CASTLE_MOUNT_VOLUME_CLAIM_H

/*
 * A claim on VOLUME is the folder `.claims/VOLUME` with one file in it, which is named after the claimant. It is
 * created elsewhere and renamed into place. The rename is atomic on the server, and succeeds only if nothing is there
 * or an empty folder (rename(2)): of several hosts, exactly one gets the claim. No other claim contains a file of that
 * name, so a claimant can only give up its own claim. An empty folder, which may remain after a claim was given up, is
 * not a claim.
 */

/*
 * Takes a claim. It succeeds if the claimant has the claim already.
 *
 * export    descriptor of the root of the export
 * claimant  a file name
 * text      content of the claim, which other claimants and administrators read
 *
 * Returns 0, or -1 and errno: EEXIST when another claimant has it.
 */
int take_claim(int export, const char *volume, const char *claimant, const char *text);

/* Gives up a claim. It succeeds if the claimant does not have the claim. Returns 0, or -1 and errno. */
int give_up_claim(int export, const char *volume, const char *claimant);

/* Prints the claimant and the text of a claim, a line each; nothing without a claim. Returns 0, or -1 and errno. */
int print_claim(int export, const char *volume);

/* Prints the volumes that a claimant has claimed, a line each. Returns 0, or -1 and errno. */
int print_claims_of(int export, const char *claimant);

#endif
