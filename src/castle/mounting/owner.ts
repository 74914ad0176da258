/** The owner of a file, as the numeric ids on the disk. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}
