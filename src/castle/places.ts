/** Where a castle listens unless told otherwise; its folder is what containers get mounted. */
export const defaultSocket = '/run/castle/castle.sock';
