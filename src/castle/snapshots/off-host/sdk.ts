/**
 * The parts of the AWS SDK that off-host copies use. They are a separate bundle, dist/castle-s3.js, which is loaded only
 * with --off-host.
 */
export {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3';
export { Upload } from '@aws-sdk/lib-storage';
