/** Where a castle listens unless told otherwise; its folder is what containers get mounted. */
export const defaultSocket = '/run/castle/castle.sock';

/** Where engines look for plug-ins; the name of the socket is that of the driver. */
export const defaultPlugin = '/run/docker/plugins/castle.sock';
